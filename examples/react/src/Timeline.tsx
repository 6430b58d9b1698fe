import { useEffect, useState } from 'react'
import { statusWords } from './status'
import { ask, till, type Payment, type TimelineEntry } from './till'
import { Waiting, Wrong } from './ui'
import { useAnswer } from './useAnswer'

/** Everything that happened to a payment, and how Till came to know it. */
export function Timeline({ payment }: { payment: Payment }) {
  const [look, setLook] = useState(0)
  const { data, error, retry } = useAnswer(
    (signal) => ask(till.GET('/payments/{id}/timeline', {
      params: { path: { id: payment.id }, query: { limit: 100 } }, signal,
    })),
    [payment.id, payment.version, look],
  )

  // The mail is sent a moment after the payment: look a few more times.
  const mailed = data?.data.some((entry) => entry.kind === 'order.receipt' && entry.to !== 'queued')
  useEffect(() => {
    if (payment.status !== 'succeeded' || mailed || look >= 6) return
    const timer = setTimeout(() => setLook(look + 1), 1500)
    return () => clearTimeout(timer)
  }, [payment.status, mailed, look])

  return (
    <div className="timeline" data-testid="timeline">
      <h3>What happened</h3>
      {error && <Wrong error={error} retry={retry} />}
      {!data && !error && <Waiting like={outline}>Looking what happened…</Waiting>}
      <ol>
        {data?.data.map((entry) => (
          <li key={entry.id} className={entry.to === 'succeeded' || entry.kind === 'order.paid' ? 'good' : undefined}>
            <p>{entry.message ?? wordsFor(entry)}</p>
            <p className="muted small">
              <time dateTime={entry.at}>{new Date(entry.at).toLocaleTimeString()}</time>
              {' · '}{causes[entry.cause.kind] ?? entry.cause.kind}
              {entry.cause.id && <> <code>{entry.cause.id}</code></>}
            </p>
          </li>
        ))}
      </ol>
    </div>
  )
}

const outline = [1, 2, 3].map((row) => <div key={row} className="bone line" />)

/** For an entry that brings no words of its own. */
function wordsFor({ kind, from, to }: TimelineEntry): string {
  const states = [from, to].filter((state) => state !== undefined).map((state) => statusWords[state] ?? state)
  const subject = kind.startsWith('order.') ? 'Order' : kind.startsWith('payment.') ? 'Payment' : kind
  return states.length > 0 ? `${subject}: ${states.join(' → ')}` : kind
}

const causes: Record<string, string> = {
  webhook: 'Stripe sent an event',
  read: 'Till asked Stripe',
  call: 'Stripe answered Till',
  api: 'this shop asked Till',
  sweep: 'Till looked after it by itself',
  effect: 'Till’s own delivery',
}
