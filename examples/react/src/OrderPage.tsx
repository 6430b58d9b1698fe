import { useEffect, useState } from 'react'
import { finishCart } from './cart'
import { useLivePayment } from './payments'
import { Receipt } from './Receipt'
import { go } from './route'
import { statusWords } from './status'
import { Timeline } from './Timeline'
import { ask, till, tillUrl, type Config, type Order } from './till'
import { Page, Waiting, Wrong } from './ui'
import { useAnswer } from './useAnswer'

/**
 * The order, live: it follows its newest payment and reads itself again at each change.
 * `confirmed`: Stripe has just accepted the card, so what Till knew before is out of date.
 */
export function OrderPage({ id, confirmed, config }: { id: string; confirmed: boolean; config: Config }) {
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
      {!order && !error && <Waiting>Looking for your order…</Waiting>}
      {order && (
        <div className="order">
          <div>
            <Status order={order} failure={payment?.failure?.message} justConfirmed={confirmed} />
            {lost && <p className="muted">The connection was lost; trying again…</p>}
            {order.status === 'paid' && <Mail order={order} sandbox={Boolean(config.stripeJsUrl)} />}
            {payment && <Timeline payment={payment} />}
          </div>
          <Receipt order={order} />
        </div>
      )}
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

function Mail({ order, sandbox }: { order: Order; sandbox: boolean }) {
  return (
    <div className="thanks">
      <p>Thank you! {order.receiptEmail && <>Your confirmation is on its way to <strong>{order.receiptEmail}</strong>.</>}</p>
      {sandbox && (
        <a className="button" href={`${tillUrl}/demo/mailbox`} target="_blank" data-testid="mailbox-link">Open the demo’s mailbox</a>
      )}
    </div>
  )
}
