import { setEmail, setQuantity, useCart } from './cart'
import { money } from './money'
import { go } from './route'
import type { Ware } from './Shop'

export function Basket({ wares, currency }: { wares: Ware[]; currency: string }) {
  const cart = useCart()
  const lines = wares.filter(({ price }) => cart.lines[price.id])
  const total = lines.reduce((sum, { price }) => sum + price.unitAmount * (cart.lines[price.id] ?? 0), 0)
  return (
    <section className="basket" id="basket" tabIndex={-1} aria-labelledby="basket-title">
      <h2 id="basket-title">Basket</h2>
      {lines.length === 0 ? <p className="muted">Nothing in here yet. Pick something you like.</p> : (
        <form onSubmit={(event) => {
          event.preventDefault()
          go('/checkout')
        }}>
          <ul>
            {lines.map(({ product, price }) => (
              <li key={price.id}>
                <span className="name">{product.name}</span>
                <Quantity name={product.name} priceId={price.id} value={cart.lines[price.id] ?? 0} />
                <span className="sum">{money(price.unitAmount * (cart.lines[price.id] ?? 0), price.currency)}</span>
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

function Quantity({ name, priceId, value }: { name: string; priceId: string; value: number }) {
  return (
    <span className="quantity" role="group" aria-label={`Quantity of ${name}`}>
      <button type="button" aria-label={`One ${name} less`} onClick={() => setQuantity(priceId, value - 1)}>−</button>
      <output>{value}</output>
      <button type="button" aria-label={`One more ${name}`} onClick={() => setQuantity(priceId, value + 1)}>+</button>
    </span>
  )
}
