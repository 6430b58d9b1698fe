// What every page is made of.
import { useEffect, useRef, type ReactNode } from 'react'

let moved = false
window.addEventListener('hashchange', () => (moved = true))

/** A page with its heading. After a change of page the heading gets the focus, so that it is read out. */
export function Page({ title, children }: { title: string; children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    if (!moved) return // the first page of a visit: leave the focus to the browser
    window.scrollTo(0, 0)
    heading.current?.focus({ preventScroll: true })
  }, [])
  useEffect(() => void (document.title = title === 'Halfpenny' ? title : `${title} · Halfpenny`), [title])
  return (
    <main>
      <h1 ref={heading} tabIndex={-1}>{title}</h1>
      {children}
    </main>
  )
}

export function Waiting({ children }: { children: ReactNode }) {
  return <p className="waiting" role="status"><span className="spinner" aria-hidden="true" />{children}</p>
}

/** What went wrong, and a way to try again. */
export function Wrong({ error, retry, testId }: { error: Error; retry?: () => void; testId?: string }) {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => box.current?.scrollIntoView({ block: 'nearest' }), [error])
  return (
    <div className="wrong" role="alert" data-testid={testId} ref={box}>
      <p>{error.message}</p>
      {retry && <button onClick={retry}>Try again</button>}
    </div>
  )
}
