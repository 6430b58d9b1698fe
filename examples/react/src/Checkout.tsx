// The pay page: asks Till for a payment, then hands its client secret to Stripe's Payment Element.
import { Elements } from '@stripe/react-stripe-js'
import { useEffect, useState } from 'react'
import { PayForm } from './PayForm'
import { startPayment } from './payments'
import { Receipt } from './Receipt'
import { go } from './route'
import { StripesPage } from './StripesPage'
import { stripeFor, useAppearance } from './stripe'
import { TestCards } from './TestCards'
import { ask, getConfig, till, type PaymentRequest } from './till'
import { Page, Waiting, Wrong } from './ui'
import { useAnswer } from './useAnswer'

export function Checkout({ request }: { request: PaymentRequest }) {
  const [slow, setSlow] = useState(false)
  const [away, setAway] = useState(false) // to pay at Stripe's page: the card form's payment ends, and must not be begun anew
  const { data, error, retry } = useAnswer(async (signal) => {
    const [intent, config, stripe] = await Promise.all([
      startPayment(request, signal, () => setSlow(true)), getConfig(), getConfig().then(stripeFor),
    ])
    if (!intent.clientSecret) return { intent } // paid or on its way: there is nothing to confirm
    const order = await ask(till.GET('/orders/{id}', { params: { path: { id: intent.orderId } }, signal }))
    return { intent, config, stripe, order }
  }, [JSON.stringify(request)])
  const appearance = useAppearance()

  const settled = data && !data.intent.clientSecret ? data.intent.orderId : undefined
  useEffect(() => {
    if (settled) go(`/order/${settled}`, 'replace')
  }, [settled])

  return (
    <Page title="Checkout">
      {error && <Wrong error={error} retry={retry} />}
      {error && (
        <p className="links">
          {request.orderId ? <a href={`#/order/${request.orderId}`}>See the order</a> : <a href="#/basket">Back to the basket</a>}
        </p>
      )}
      {!data?.order && !error && (
        <>
          {slow && <Waiting>Stripe is slow to answer. Nothing is lost, we keep asking…</Waiting>}
          <Waiting like={outline}>{!slow && 'Preparing your payment…'}</Waiting>
        </>
      )}
      {data?.order && away && <StripesPage orderId={data.order.id} stay={() => { setAway(false); retry() }} />}
      {data?.order && data.stripe && !error && !away && (
        <div className="checkout">
          <div>
            <Elements
              key={data.intent.id} stripe={data.stripe}
              options={{ clientSecret: data.intent.clientSecret, appearance }}
            >
              <PayForm intent={data.intent} restart={retry} />
            </Elements>
            <p><button type="button" data-testid="stripes-page" onClick={() => setAway(true)}>Pay on Stripe’s own page</button></p>
            {data.config.stripeJsUrl && <TestCards />}
          </div>
          <Receipt order={data.order} />
        </div>
      )}
    </Page>
  )
}

const outline = (
  <div className="checkout">
    <div className="pay"><div className="bone title" /><div className="bone fields" /><div className="bone submit" /></div>
    <div className="bone receipt" />
  </div>
)
