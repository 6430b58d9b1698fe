// What every page is made of.
import { useEffect, useRef, useState, type ReactNode } from 'react'
import { Trouble, visitExpired } from './till'

let moved = false
window.addEventListener('hashchange', () => (moved = true))

/** A page with its heading. After a change of page the heading gets the focus, so that it is read out. */
export function Page({ title, children }: { title: string; children: ReactNode }) {
  useEffect(() => {
    if (!moved) return // the first page of a visit: leave the focus to the browser
    window.scrollTo(0, 0)
    focusHeading()
  }, [])
  useEffect(() => void (document.title = `${title} · Halfpenny`), [title])
  return (
    <main>
      <h1 tabIndex={-1}>{title}</h1>
      {children}
    </main>
  )
}

export function focusHeading(): void {
  document.querySelector('h1')?.focus({ preventScroll: true })
}

/** Says that something is on its way. `like` is its outline, so that nothing jumps when it comes. */
export function Waiting({ children, like }: { children: ReactNode; like?: ReactNode }) {
  return (
    <>
      <p className={like ? 'sr' : 'waiting'} role="status">
        {!like && <span className="spinner" aria-hidden="true" />}{children}
      </p>
      {like && <div className="outline" aria-hidden="true">{like}</div>}
    </>
  )
}

/** What went wrong, and a way to try again: at once, or when Till's Retry-After has passed. */
export function Wrong({ error, retry }: { error: Error; retry?: () => void }) {
  const box = useRef<HTMLDivElement>(null)
  const left = useCountdown(error)
  useEffect(() => box.current?.scrollIntoView({ block: 'nearest' }), [error])

  function tryAgain() {
    if (left > 0 || !retry) return
    focusHeading() // this button goes away
    retry()
  }
  return (
    <div className="wrong" ref={box}>
      <p role="alert">{error.message}</p>
      {retry && !isFinal(error) && (
        <button type="button" onClick={tryAgain} aria-disabled={left > 0}>
          Try again{left > 0 && ` in ${left > 90 ? `${Math.ceil(left / 60)} min` : `${left} s`}`}
        </button>
      )}
    </div>
  )
}

/** Asking again would bring the same answer. */
function isFinal(error: Error): boolean {
  return error instanceof Trouble && ['not_found', 'order_already_paid', 'order_canceled'].includes(error.code)
}

export function isMissing(error: Error): boolean {
  return error instanceof Trouble && error.code === 'not_found'
}

/** Why what was here is not here any more. */
export function ExpiredVisit() {
  return visitExpired() && <p className="muted">Your last visit has expired on this device, and its orders can’t be shown any more. Their confirmation mails stay good.</p>
}

function useCountdown(error: Error): number {
  const [left, setLeft] = useState(0)
  useEffect(() => {
    const until = Date.now() + ((error instanceof Trouble && error.wait) || 0) * 1000
    const tick = () => setLeft(Math.max(0, Math.ceil((until - Date.now()) / 1000)))
    tick()
    const timer = setInterval(tick, 500)
    return () => clearInterval(timer)
  }, [error])
  return left
}
