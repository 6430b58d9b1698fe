import { dateTime, money } from './money'
import type { Order } from './till'

export function Receipt({ order }: { order: Order }) {
  return (
    <section className="receipt" aria-label="Order summary">
      <div className="paper">
        <p className="store">Halfpenny</p>
        <table>
          <thead className="sr"><tr><th>Item</th><th>Quantity</th><th>Amount</th></tr></thead>
          <tbody>
            {order.items.map((item, i) => (
              <tr key={i}>
                <td>{nameOf(item, order)}</td>
                <td>{item.quantity > 1 && `× ${item.quantity}`}</td>
                <td>{money(item.amount, order.currency)}</td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr><th scope="row" colSpan={2}>Total</th><td>{money(order.total, order.currency)}</td></tr>
          </tfoot>
        </table>
        <p className="id">{order.id}<br /><time dateTime={order.createdAt}>{dateTime(order.createdAt)}</time></p>
      </div>
    </section>
  )
}

/** What was bought; a free amount has no product, only the order's description. */
export function nameOf(item: Order['items'][number], order: Order): string {
  return (item.priceId ? undefined : order.description) ?? item.name
}
