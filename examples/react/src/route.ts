// Hash routes: they survive a reload and need nothing of the server.
import { useSyncExternalStore } from 'react'

/** "#/order/ord_1" → ["order", "ord_1"] */
export function useRoute(): string[] {
  const hash = useSyncExternalStore(subscribe, () => location.hash)
  return hash.replace(/^#\/?/, '').split('/').filter(Boolean)
}

export function go(path: string, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') location.hash = path
  else location.replace(`#${path}`)
}

function subscribe(tell: () => void): () => void {
  window.addEventListener('hashchange', tell)
  return () => window.removeEventListener('hashchange', tell)
}
