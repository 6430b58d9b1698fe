import { useEffect, useState } from 'react'
import { finishCart } from './cart'
import { EarlierPayment, PaymentDetails } from './PaymentDetails'
import { Receipt } from './Receipt'
import { go } from './route'
import { statusWords } from './status'
import { ask, getConfig, till, tillUrl, type Order } from './till'
import { ExpiredVisit, isMissing, Page, Waiting, Wrong } from './ui'
import { useAnswer } from './useAnswer'
import { useLivePayment } from './useLivePayment'

/**
 * The order, live: it follows its newest payment and reads itself again at each change.
 * `confirmed`: Stripe has just accepted the card, so what Till knew before is out of date.
 */
export function OrderPage({ id, confirmed }: { id: string; confirmed: boolean }) {
  const [version, setVersion] = useState<number>() // of the payment, when the order was last read
  const { data: order, error, retry } = useAnswer(
    (signal) => ask(till.GET('/orders/{id}', { params: { path: { id } }, signal })), [id, version])
  const { payment, changed, lost } = useLivePayment(order?.payments[0]?.id)
  useEffect(() => setVersion(payment?.version), [payment?.version])
  useEffect(() => {
    if (confirmed && changed) go(`/order/${id}`, 'replace') // the news is in; a reload should believe it
  }, [confirmed, changed, id])

  const settled = order && settledStatuses.includes(order.status)
  useEffect(() => {
    if (settled) finishCart(order.reference)
  }, [settled, order?.reference])

  return (
    <Page title="Your order">
      {error && <Wrong error={error} retry={retry} />}
      {error && confirmed && <p>Your card was accepted, and we will not ask for it again.</p>}
      {error && isMissing(error) && <ExpiredVisit />}
      {!order && !error && <Waiting like={outline}>Looking for your order…</Waiting>}
      {order && (
        <div className="order">
          <Status order={order} failure={payment?.failure?.message} justConfirmed={confirmed} />
          <Receipt order={order} />
          <div className="details">
            <p className="muted" role="status">{lost && 'The connection was lost; trying again…'}</p>
            {order.status === 'paid' && <Thanks order={order} />}
            {payment && <PaymentDetails payment={payment} />}
            {order.payments.slice(1).map(({ id, status }) => <EarlierPayment key={id} id={id} status={status} />)}
          </div>
        </div>
      )}
      <p className="links"><a href="#/orders">All your orders</a></p>
    </Page>
  )
}

const settledStatuses = ['processing', 'authorized', 'paid']

function Status({ order, failure, justConfirmed }: { order: Order; failure?: string; justConfirmed: boolean }) {
  const unpaid = order.status === 'open' && !justConfirmed
  return (
    <div className={`status is-${order.status}`}>
      <p data-testid="order-status" role="status">{statusWords[order.status] ?? order.status}</p>
      {order.status === 'open' && justConfirmed && <p className="muted">Your card was accepted. This takes a moment.</p>}
      {unpaid && failure && <p className="muted">{failure}</p>}
      {unpaid && <a className="button primary" href={`#/pay/${order.id}`}>Pay now</a>}
      {order.status === 'processing' && <p className="muted">Your bank is working on it. You can leave this page.</p>}
    </div>
  )
}

function Thanks({ order }: { order: Order }) {
  const config = useAnswer(getConfig, [])
  return (
    <div className="thanks">
      <p>Thank you! {order.receiptEmail && <>Your confirmation is on its way to <strong>{order.receiptEmail}</strong>.</>}</p>
      {config.data?.stripeJsUrl && (
        <a className="button" href={`${tillUrl}/demo/mailbox`} target="_blank" data-testid="mailbox-link">Open the demo’s mailbox</a>
      )}
    </div>
  )
}

const outline = (
  <div className="order">
    <div className="status"><div className="bone pill" /></div>
    <div className="bone receipt" />
    <div className="details"><div className="bone line" /><div className="bone line" /></div>
  </div>
)
