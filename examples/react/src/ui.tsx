// What every page is made of.
import { useEffect, useRef, type ReactNode } from 'react'

let firstPage = true

/** A page with its heading. After a change of page the heading gets the focus, so that it is read out. */
export function Page({ title, quiet, children }: { title: string; quiet?: boolean; children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    if (!firstPage) {
      window.scrollTo(0, 0)
      heading.current?.focus({ preventScroll: true })
    }
    return () => void (firstPage = false)
  }, [])
  useEffect(() => void (document.title = title === 'Halfpenny' ? title : `${title} · Halfpenny`), [title])
  return (
    <main>
      <h1 ref={heading} tabIndex={-1} className={quiet ? 'sr' : undefined}>{title}</h1>
      {children}
    </main>
  )
}

export function Waiting({ children }: { children: ReactNode }) {
  return <p className="waiting" role="status"><span className="spinner" aria-hidden="true" />{children}</p>
}

/** What went wrong, and a way to try again. */
export function Wrong({ error, retry, testId }: { error: Error; retry?: () => void; testId?: string }) {
  return (
    <div className="wrong" role="alert" data-testid={testId}>
      <p>{error.message}</p>
      {retry && <button className="quiet" onClick={retry}>Try again</button>}
    </div>
  )
}
