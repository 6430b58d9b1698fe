import { PaymentElement, useElements, useStripe } from '@stripe/react-stripe-js'
import { useEffect, useRef, useState, type FormEvent } from 'react'
import { money } from './money'
import { getPayment } from './payments'
import { go } from './route'
import type { Payment, PaymentIntent } from './till'
import { Wrong } from './ui'

export function PayForm({ intent }: { intent: PaymentIntent }) {
  const stripe = useStripe()
  const elements = useElements()
  const seen = useRef(intent.version) // the payment's version before this try
  const [ready, setReady] = useState(false)
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<Error>()
  const [stopped, setStopped] = useState(false)

  function showFailureOf(payment: Payment) {
    seen.current = payment.version
    if (payment.failure) setFailure(new Error(payment.failure.message))
    setStopped(payment.failure?.advice === 'stop' || payment.status === 'canceled')
  }

  // After a reload: what became of the last try.
  useEffect(() => {
    const gone = new AbortController()
    getPayment(intent.id, {}, gone.signal).then(showFailureOf, () => undefined)
    return () => gone.abort()
  }, [intent.id])

  async function pay(event: FormEvent) {
    event.preventDefault()
    if (!stripe || !elements || busy) return
    setBusy(true)
    setFailure(undefined)
    const here = new URL(`#/order/${intent.orderId}`, location.href)
    const { error } = await stripe.confirmPayment({
      elements,
      redirect: 'if_required',
      confirmParams: { return_url: here.href },
    })
    if (!error) return go(`/order/${intent.orderId}/confirmed`)
    if (error.type === 'validation_error') return setBusy(false) // said beside the field at fault
    // Till knows best what happened and says it in words for the payer; it may even have been paid.
    const payment = await getPayment(intent.id, { wait: 8, after: seen.current }).catch(() => undefined)
    if (payment && paid.includes(payment.status)) return go(`/order/${intent.orderId}`)
    setFailure(new Error(error.message ?? 'That did not work. Please try again.'))
    if (payment && payment.version !== seen.current) showFailureOf(payment)
    setBusy(false)
  }

  return (
    <form className="pay" onSubmit={pay} aria-busy={busy}>
      <h2>Pay by card</h2>
      <PaymentElement onReady={() => setReady(true)} />
      {failure && <Wrong error={failure} testId="pay-error" />}
      {stopped
        ? <p>This payment can’t be tried again. <a href={`#/order/${intent.orderId}`}>See the order</a></p>
        : (
          <button className="primary" data-testid="pay" disabled={!stripe || !ready} aria-disabled={busy}>
            {busy ? 'Paying…' : `Pay ${money(intent.amount, intent.currency)}`}
          </button>
        )}
      <p className="muted small">Your card details go straight to Stripe. This shop never sees them.</p>
    </form>
  )
}

const paid = ['succeeded', 'processing', 'requires_capture']
