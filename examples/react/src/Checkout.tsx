// The pay page: asks Till for a payment, then hands its client secret to Stripe's Payment Element.
import { Elements } from '@stripe/react-stripe-js'
import { useEffect, useState } from 'react'
import { PayForm } from './PayForm'
import { startPayment } from './payments'
import { Receipt } from './Receipt'
import { go } from './route'
import { appearance, stripeFor } from './stripe'
import { TestCards } from './TestCards'
import { ask, till, type Config, type PaymentRequest } from './till'
import { Page, Waiting, Wrong } from './ui'
import { useAnswer } from './useAnswer'

export function Checkout({ request, config }: { request: PaymentRequest; config: Config }) {
  const [slow, setSlow] = useState(false)
  const { data, error, retry } = useAnswer(async (signal) => {
    const intent = await startPayment(request, signal, () => setSlow(true))
    if (!intent.clientSecret) return { intent } // paid or on its way: there is nothing to confirm
    const [stripe, order] = await Promise.all([
      stripeFor(config),
      ask(till.GET('/orders/{id}', { params: { path: { id: intent.orderId } }, signal })),
    ])
    return { intent, stripe, order }
  }, [JSON.stringify(request)])

  const settled = data && !data.intent.clientSecret ? data.intent.orderId : undefined
  useEffect(() => {
    if (settled) go(`/order/${settled}`, 'replace')
  }, [settled])

  return (
    <Page title="Checkout">
      {error && <Wrong error={error} retry={retry} />}
      {error && <p><a href="#/basket">Back to the basket</a></p>}
      {!data?.order && !error && (
        <Waiting>{slow ? 'Stripe is slow to answer. Nothing is lost, we keep asking…' : 'Preparing your payment…'}</Waiting>
      )}
      {data?.order && data.stripe && (
        <div className="checkout">
          <div>
            <Elements
              key={data.intent.id} stripe={data.stripe}
              options={{ clientSecret: data.intent.clientSecret, appearance: appearance() }}
            >
              <PayForm intent={data.intent} />
            </Elements>
            {config.stripeJsUrl && <TestCards />}
          </div>
          <Receipt order={data.order} />
        </div>
      )}
    </Page>
  )
}
