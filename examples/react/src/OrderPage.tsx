import { useEffect } from 'react'
import { finishCart } from './cart'
import { useLivePayment } from './payments'
import { Receipt } from './Receipt'
import { statusWords } from './status'
import { Timeline } from './Timeline'
import { ask, till, tillUrl, type Config, type Order, type Payment } from './till'
import { Page, Waiting, Wrong } from './ui'
import { useAnswer } from './useAnswer'

/** The order, live: it follows its newest payment and reads itself again at each change. */
export function OrderPage({ id, config }: { id: string; config: Config }) {
  const first = useAnswer((signal) => getOrder(id, signal), [id])
  const { payment, lost } = useLivePayment(first.data?.payments[0]?.id)
  const again = useAnswer((signal) => getOrder(id, signal), [id, payment?.version])
  const order = again.data ?? first.data
  const error = order ? again.error : first.error

  const settled = order && settledStatuses.includes(order.status)
  useEffect(() => {
    if (settled) finishCart(order.reference)
  }, [settled, order?.reference])

  return (
    <Page title="Your order">
      {error && <Wrong error={error} retry={order ? again.retry : first.retry} />}
      {!order && !error && <Waiting>Looking for your order…</Waiting>}
      {order && (
        <div className="order">
          <div>
            <Status order={order} payment={payment} />
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

function getOrder(id: string, signal: AbortSignal): Promise<Order> {
  return ask(till.GET('/orders/{id}', { params: { path: { id } }, signal }))
}

function Status({ order, payment }: { order: Order; payment?: Payment }) {
  return (
    <div className={`status is-${order.status}`}>
      <p data-testid="order-status" role="status">{statusWords[order.status] ?? order.status}</p>
      {order.status === 'open' && payment?.failure && <p className="muted">{payment.failure.message}</p>}
      {order.status === 'open' && <a className="button primary" href={`#/pay/${order.id}`}>Pay now</a>}
      {order.status === 'processing' && <p className="muted">Your bank is working on it. You can leave this page.</p>}
    </div>
  )
}

function Mail({ order, sandbox }: { order: Order; sandbox: boolean }) {
  return (
    <p>
      Thank you!{' '}
      {order.receiptEmail && <>Your confirmation is on its way to <strong>{order.receiptEmail}</strong>. </>}
      {sandbox && <a href={`${tillUrl}/demo/mailbox`} target="_blank" data-testid="mailbox-link">Open the demo’s mailbox</a>}
    </p>
  )
}
