import { useEffect, useState } from 'react'
import { showBasket } from './Basket'
import { useCart, type Cart } from './cart'
import { Checkout } from './Checkout'
import { OrderPage } from './OrderPage'
import { Orders } from './Orders'
import { Logo } from './pictures'
import { useRoute } from './route'
import { Shop } from './Shop'
import { getConfig, type PaymentRequest } from './till'
import { focusHeading, Page } from './ui'
import { useAnswer } from './useAnswer'

export function App() {
  const config = useAnswer(getConfig, [])
  const count = Object.values(useCart().lines).reduce((sum, quantity) => sum + quantity, 0)
  return (
    <>
      <button className="skip" onClick={focusHeading}>Skip to content</button>
      <header className="top">
        <a className="brand" href="#/"><Logo /> Halfpenny</a>
        <nav aria-label="Main">
          <a href="#/orders">Orders</a>
          <a href="#/basket" onClick={showBasket}>Basket{count > 0 && <span className="count">{count}<span className="sr"> items</span></span>}</a>
        </nav>
      </header>
      <Route />
      <footer>
        <p>A demo shop. Payments by Till and Stripe.</p>
        {config.data && !config.data.livemode && <p>Test mode: no real money moves.</p>}
      </footer>
    </>
  )
}

function Route() {
  const [page, id, more] = useRoute()
  if (page === undefined || page === 'basket') return <Shop atBasket={page === 'basket'} />
  if (page === 'checkout') return <PayForBasket />
  if (page === 'pay' && id) return <Checkout key={id} request={{ orderId: id }} />
  if (page === 'orders') return <Orders />
  if (page === 'order' && id) return <OrderPage key={id} id={id} confirmed={more === 'confirmed'} />
  return <Page title="Nothing here"><p>There is no such page. <a href="#/">Go to the shop</a></p></Page>
}

function PayForBasket() {
  const cart = useCart()
  const [request, setRequest] = useState(() => requestFor(cart))
  useEffect(() => {
    const now = requestFor(cart)
    if (now) setRequest(now) // else another tab has paid and emptied it: stay, the payment tells what comes next
  }, [cart])
  return request ? <Checkout key={request.reference} request={request} /> : <Shop atBasket />
}

function requestFor({ lines, reference, email }: Cart): PaymentRequest | undefined {
  const items = Object.entries(lines).map(([priceId, quantity]) => ({ priceId, quantity }))
  return items.length > 0 ? { items, reference, ...(email && { receiptEmail: email }) } : undefined
}
