import { useState } from 'react'
import { dateTime, money } from './money'
import { getPayment } from './payments'
import { statusWords } from './status'
import { Timeline } from './Timeline'
import type { Payment } from './till'
import { Waiting, Wrong } from './ui'
import { useAnswer } from './useAnswer'

export function PaymentDetails({ payment }: { payment: Payment }) {
  return (
    <section className="payment" aria-label={`Payment ${payment.id}`}>
      <h2>Payment</h2>
      <dl>
        <div><dt>Amount</dt><dd>{money(payment.amount, payment.currency)}</dd></div>
        <div><dt>Status</dt><dd>{statusWords[payment.status] ?? payment.status}</dd></div>
        <div><dt>Started</dt><dd><time dateTime={payment.createdAt}>{dateTime(payment.createdAt)}</time></dd></div>
        <div><dt>Number</dt><dd><code>{payment.id}</code></dd></div>
      </dl>
      <Timeline payment={payment} />
    </section>
  )
}

/** An attempt that another one has replaced; its story is fetched when somebody wants to know. */
export function EarlierPayment({ id, status }: { id: string; status: string }) {
  const [open, setOpen] = useState(false)
  return (
    <details className="earlier" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>An earlier payment: {statusWords[status] ?? status}</summary>
      {open && <Fetched id={id} />}
    </details>
  )
}

function Fetched({ id }: { id: string }) {
  const { data, error, retry } = useAnswer((signal) => getPayment(id, {}, signal), [id])
  if (error) return <Wrong error={error} retry={retry} />
  return data ? <PaymentDetails payment={data} /> : <Waiting>Looking for the payment…</Waiting>
}
