import { PaymentElement, useElements, useStripe } from '@stripe/react-stripe-js'
import { useEffect, useRef, useState, type FormEvent } from 'react'
import { Declined } from './Declined'
import { money } from './money'
import { getPayment, giveUpPayment } from './payments'
import { go } from './route'
import type { Payment, PaymentIntent } from './till'
import { focusHeading } from './ui'
import { useLivePayment } from './useLivePayment'

/** `restart` asks Till anew for the payment to make: its amount has changed, or it was given up. */
export function PayForm({ intent, restart }: { intent: PaymentIntent; restart: () => void }) {
  const stripe = useStripe()
  const elements = useElements()
  const { payment } = useLivePayment(intent.id)
  const running = useRef(false) // state comes too late for the second of two quick clicks
  const seen = useRef(intent.version) // the version whose failure is on the page
  const [ready, setReady] = useState(false)
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<{ message: string; advice?: string }>()
  const stopped = failure?.advice === 'stop'

  function begin() {
    running.current = true
    setBusy(true)
  }

  function end() {
    running.current = false
    setBusy(false)
  }

  // The payment as Till knows it, also after a reload and when another tab has moved it on.
  function take(now: Payment) {
    seen.current = Math.max(seen.current, now.version)
    if (paid.includes(now.status)) return go(`/order/${intent.orderId}`, 'replace')
    if (now.status === 'canceled' || now.amount !== intent.amount) return restart()
    if (now.failure) setFailure(now.failure)
  }
  useEffect(() => {
    if (payment && !running.current) take(payment)
  }, [payment, intent.amount])

  async function pay(event: FormEvent) {
    event.preventDefault()
    if (!stripe || !elements || running.current || stopped) return
    begin()
    const { error } = await stripe.confirmPayment({
      elements,
      redirect: 'if_required',
      confirmParams: { return_url: new URL(`#/order/${intent.orderId}`, location.href).href },
    })
    if (!error) return go(`/order/${intent.orderId}/confirmed`)
    if (error.type !== 'validation_error') { // that is said beside the field at fault
      // Till knows best what happened and says it in words for the payer; it may even have been paid.
      const now = await getPayment(intent.id, { wait: 8, after: seen.current }).catch(() => undefined)
      if (now && now.version > seen.current) take(now)
      else setFailure({ message: error.message ?? 'That did not work. Please try again.' })
    }
    end()
  }

  async function startOver() {
    if (running.current) return
    begin()
    try {
      await giveUpPayment(intent.id)
      focusHeading() // this form goes away
      restart()
    } catch (cause) {
      setFailure({ message: (cause as Error).message, advice: 'stop' })
      end()
    }
  }

  return (
    <form className="pay" onSubmit={pay} aria-busy={busy}>
      <h2>Pay by card</h2>
      {failure && <Declined {...failure} />}
      <div className="fields" hidden={stopped}>
        <PaymentElement onReady={() => setReady(true)} />
      </div>
      {stopped
        ? <button type="button" className="primary" onClick={startOver} aria-disabled={busy}>Start again with another card</button>
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
