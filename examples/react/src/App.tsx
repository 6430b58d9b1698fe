import { showBasket } from './Basket'
import { useCart } from './cart'
import { Checkout } from './Checkout'
import { OrderPage } from './OrderPage'
import { Orders } from './Orders'
import { Logo } from './pictures'
import { useRoute } from './route'
import { Shop } from './Shop'
import { ask, open, type Config } from './till'
import { Page, Waiting, Wrong } from './ui'
import { useAnswer } from './useAnswer'

export function App() {
  const config = useAnswer((signal) => ask(open.GET('/config', { signal })), [])
  const count = Object.values(useCart().lines).reduce((sum, quantity) => sum + quantity, 0)
  return (
    <>
      <button className="skip" onClick={() => document.querySelector<HTMLElement>('h1')?.focus()}>
        Skip to content
      </button>
      <header className="top">
        <a className="brand" href="#/"><Logo /> Halfpenny</a>
        <nav aria-label="Main">
          <a href="#/orders">Orders</a>
          <a href="#/basket" onClick={showBasket}>Basket{count > 0 && <span className="count">{count}<span className="sr"> items</span></span>}</a>
        </nav>
      </header>
      {config.data ? <Route config={config.data} /> : (
        <Page title="Halfpenny">
          {config.error ? <Wrong error={config.error} retry={config.retry} /> : <Waiting>Opening the shop…</Waiting>}
        </Page>
      )}
      <footer>
        <p>A demo shop. Payments by Till and Stripe.</p>
        {config.data && !config.data.livemode && <p>Test mode: no real money moves.</p>}
      </footer>
    </>
  )
}

function Route({ config }: { config: Config }) {
  const [page, id, more] = useRoute()
  const cart = useCart()
  if (page === 'orders') return <Orders />
  if (page === 'order' && id) return <OrderPage key={id} id={id} confirmed={more === 'confirmed'} config={config} />
  if (page === 'pay' && id) return <Checkout key={id} request={{ orderId: id }} config={config} />
  if (page === 'checkout' && Object.keys(cart.lines).length > 0) {
    const items = Object.entries(cart.lines).map(([priceId, quantity]) => ({ priceId, quantity }))
    const request = { items, reference: cart.reference, ...(cart.email && { receiptEmail: cart.email }) }
    return <Checkout key={cart.reference} request={request} config={config} />
  }
  return <Shop config={config} atBasket={page === 'basket' || page === 'checkout'} />
}
