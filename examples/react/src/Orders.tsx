import { useEffect, useRef, useState, type Ref } from 'react'
import { dateTime, money } from './money'
import { nameOf } from './Receipt'
import { statusWords } from './status'
import { ask, till, type Order } from './till'
import { ExpiredVisit, Page, Waiting, Wrong } from './ui'
import { useAnswer } from './useAnswer'

export function Orders() {
  return (
    <Page title="Your orders">
      <ul className="orders" data-testid="orders"><Rows /></ul>
    </Page>
  )
}

/** One page of the list, and behind it the next when it is asked for. */
function Rows({ after, onLoad }: { after?: string; onLoad?: () => void }) {
  const { data, error, retry } = useAnswer(
    (signal) => ask(till.GET('/orders', { params: { query: { limit: 10, startingAfter: after } }, signal })), [after])
  const [more, showMore] = useState(false)
  const [moreLoaded, setMoreLoaded] = useState(false)
  const first = useRef<HTMLAnchorElement>(null)
  const last = data?.data.at(-1)

  useEffect(() => {
    if (!data || !after) return
    onLoad?.()
    first.current?.focus() // the button that asked for these goes away
  }, [data])

  if (error) return <li><Wrong error={error} retry={retry} /></li>
  if (!data) return after ? null : <li><Waiting like={outline}>Looking for your orders…</Waiting></li>
  if (!last && !after) return <li><Empty /></li>
  return (
    <>
      {data.data.map((order, i) => <Row key={order.id} order={order} link={i === 0 ? first : undefined} />)}
      {data.hasMore && more && <Rows after={last?.id} onLoad={() => setMoreLoaded(true)} />}
      {data.hasMore && !moreLoaded && (
        <li className="more"><button onClick={() => showMore(true)} aria-disabled={more}>{more ? 'Looking for more…' : 'Show older orders'}</button></li>
      )}
    </>
  )
}

function Row({ order, link }: { order: Order; link?: Ref<HTMLAnchorElement> }) {
  return (
    <li>
      <a href={`#/order/${order.id}`} ref={link}>
        <span className="name">{summary(order)}</span>
        <time className="muted" dateTime={order.createdAt}>{dateTime(order.createdAt)}</time>
        <span className={`badge is-${order.status}`}>{statusWords[order.status] ?? order.status}</span>
        <span className="sum">{money(order.total, order.currency)}</span>
      </a>
    </li>
  )
}

/** "2 × Enamel mug, Heavy cotton tee" */
function summary(order: Order): string {
  return order.items.map((item) => (item.quantity > 1 ? `${item.quantity} × ` : '') + nameOf(item, order)).join(', ')
}

function Empty() {
  return (
    <div className="empty">
      <p>You have not ordered anything yet.</p>
      <ExpiredVisit />
      <p><a className="button" href="#/">Have a look around</a></p>
    </div>
  )
}

const outline = [1, 2, 3].map((row) => <div key={row} className="bone row" />)
