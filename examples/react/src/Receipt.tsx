import { money } from './money'
import type { Order } from './till'

export function Receipt({ order }: { order: Order }) {
  return (
    <section className="receipt" aria-label="Order summary">
      <p className="store">Halfpenny</p>
      <table>
        <thead className="sr"><tr><th>Item</th><th>Quantity</th><th>Amount</th></tr></thead>
        <tbody>
          {order.items.map((item, i) => (
            <tr key={i}>
              <td>{item.name}</td>
              <td>{item.quantity > 1 && `× ${item.quantity}`}</td>
              <td>{money(item.amount, order.currency)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr><th scope="row" colSpan={2}>Total</th><td>{money(order.total, order.currency)}</td></tr>
        </tfoot>
      </table>
      <p className="id">{order.id}<br /><time dateTime={order.createdAt}>{new Date(order.createdAt).toLocaleString()}</time></p>
    </section>
  )
}
