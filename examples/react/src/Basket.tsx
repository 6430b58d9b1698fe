import { setEmail, setQuantity, sku, useCart } from './cart'
import { money } from './money'
import { go } from './route'
import type { Ware } from './Shop'

export function Basket({ wares, currency }: { wares: Ware[]; currency: string }) {
  const cart = useCart()
  const lines = wares.flatMap(({ product, price }) => {
    const quantity = cart.lines[sku(price)] ?? 0
    return quantity > 0 ? [{ ...product, sku: sku(price), quantity, amount: price.unitAmount * quantity, price }] : []
  })
  // For the shopper to see; what is charged is Till's own sum.
  const total = lines.reduce((sum, line) => sum + line.amount, 0)
  return (
    <section className="basket" id="basket" tabIndex={-1} aria-labelledby="basket-title">
      <h2 id="basket-title">Basket</h2>
      {lines.length === 0 ? <p className="muted">Nothing in here yet. Pick something you like.</p> : (
        <form onSubmit={(event) => {
          event.preventDefault()
          go('/checkout')
        }}>
          <ul>
            {lines.map(({ sku, name, quantity, amount, price }) => (
              <li key={sku}>
                <span className="name">{name}</span>
                <Quantity name={name} value={quantity} onChange={(value) => setQuantity(sku, value)} />
                <span className="sum">{money(amount, price.currency)}</span>
              </li>
            ))}
          </ul>
          <p className="total"><span>Total</span> <span>{money(total, lines[0]?.price.currency ?? currency)}</span></p>
          <label htmlFor="email">Email for your receipt <span className="muted">(optional)</span></label>
          <input
            id="email" data-testid="email" type="email" autoComplete="email" maxLength={254}
            placeholder="you@example.com" value={cart.email} onChange={(event) => setEmail(event.target.value)}
          />
          <button className="primary" data-testid="checkout">Check out</button>
        </form>
      )}
    </section>
  )
}

export function showBasket(): void {
  const basket = document.getElementById('basket')
  basket?.scrollIntoView()
  basket?.focus({ preventScroll: true })
}

function Quantity({ name, value, onChange }: { name: string; value: number; onChange: (value: number) => void }) {
  const less = () => {
    onChange(value - 1)
    if (value === 1) showBasket() // the button goes away; keep the focus near
  }
  return (
    <span className="quantity" role="group" aria-label={`Quantity of ${name}`}>
      <button type="button" aria-label={`One ${name} less`} onClick={less}>−</button>
      <output>{value}</output>
      <button type="button" aria-label={`One more ${name}`} onClick={() => onChange(value + 1)}>+</button>
    </span>
  )
}
