import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { followPayment } from './follow'
import type { Payment } from './till'

export interface LivePayment {
  payment?: Payment
  changed: boolean // since this page opened
  lost: boolean // Till can't be reached just now
}

/**
 * The payment as it is now, and again at each change, without a reload. It sleeps while
 * the tab is hidden: browsers allow six connections to one server, for all tabs together.
 */
export function useLivePayment(id: string | undefined): LivePayment {
  const [live, setLive] = useState<LivePayment>({ changed: false, lost: false })
  const visible = useSyncExternalStore(onVisibility, () => document.visibilityState === 'visible')
  const last = useRef<Payment>(undefined)

  useEffect(() => {
    if (!id || !visible) return
    const gone = new AbortController()
    const known = last.current?.id === id ? last.current : undefined
    followPayment(id, known, gone.signal, {
      news: (payment) => {
        const before = last.current
        last.current = payment
        const changed = before?.id === id && before.version !== payment.version
        setLive((live) => ({ payment, changed: live.changed || changed, lost: false }))
      },
      lost: () => setLive((live) => ({ ...live, lost: true })),
    }).catch(() => undefined) // aborted
    return () => gone.abort()
  }, [id, visible])

  return live
}

function onVisibility(tell: () => void): () => void {
  document.addEventListener('visibilitychange', tell)
  return () => document.removeEventListener('visibilitychange', tell)
}
