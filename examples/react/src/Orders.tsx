import { money } from './money'
import { nameOf } from './Receipt'
import { statusWords } from './status'
import { ask, till } from './till'
import { Page, Waiting, Wrong } from './ui'
import { useAnswer } from './useAnswer'

export function Orders() {
  const { data, error, retry } = useAnswer((signal) => ask(till.GET('/orders', { signal })), [])
  return (
    <Page title="Your orders">
      {error && <Wrong error={error} retry={retry} />}
      {!data && !error && <Waiting>Looking for your orders…</Waiting>}
      {data?.data.length === 0 && <p className="muted">You have not ordered anything yet. <a href="#/">Have a look around</a></p>}
      <ul className="orders">
        {data?.data.map((order) => (
          <li key={order.id}>
            <a href={`#/order/${order.id}`}>
              <span>{order.items.map((item) => nameOf(item, order)).join(', ')}</span>
              <time className="muted" dateTime={order.createdAt}>{new Date(order.createdAt).toLocaleDateString()}</time>
              <span className={`badge is-${order.status}`}>{statusWords[order.status] ?? order.status}</span>
              <span className="sum">{money(order.total, order.currency)}</span>
            </a>
          </li>
        ))}
      </ul>
    </Page>
  )
}
