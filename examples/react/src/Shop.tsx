import { useEffect, useState } from 'react'
import { Basket, showBasket } from './Basket'
import { keepOnly, setQuantity, sku, useCart } from './cart'
import { Donation } from './Donation'
import { money } from './money'
import { Picture } from './pictures'
import { ask, open, type Config, type Price, type Product } from './till'
import { Page, Waiting, Wrong } from './ui'
import { useAnswer } from './useAnswer'

/** A product with the one price that this shop sells it at. */
export interface Ware {
  product: Product
  price: Price
}

export function Shop({ config, atBasket }: { config: Config; atBasket: boolean }) {
  const catalog = useAnswer(
    (signal) => ask(open.GET('/catalog/products', { params: { query: { limit: 100 } }, signal })), [])
  const wares = catalog.data?.data.flatMap((product): Ware[] => {
    const price = product.prices.find((p) => p.currency === config.currency) ?? product.prices[0]
    return price ? [{ product, price }] : []
  })

  useEffect(() => {
    if (wares) keepOnly(wares.map(({ price }) => sku(price)))
    if (wares && atBasket) showBasket()
  }, [atBasket, catalog.data])

  return (
    <Page title="Small things, well made">
      {catalog.error && <Wrong error={catalog.error} retry={catalog.retry} />}
      {!wares && !catalog.error && <Waiting>Setting out the shelves…</Waiting>}
      {wares && (
        <div className="shop">
          <div>
            {wares.length === 0 && <p>The shelves are empty. Add products in Stripe and run <code>till sync catalog</code>.</p>}
            <ul className="shelf">{wares.map((ware) => <Tile key={ware.product.id} {...ware} />)}</ul>
            {config.features.clientAmounts && <Donation config={config} />}
          </div>
          <Basket wares={wares} currency={config.currency} />
        </div>
      )}
    </Page>
  )
}

function Tile({ product, price }: Ware) {
  const inBasket = useCart().lines[sku(price)] ?? 0
  const [said, say] = useState('')
  return (
    <li className="tile">
      <Picture product={product} lookupKey={price.lookupKey} />
      <div className="about">
        <h2>{product.name}</h2>
        <p className="price">{money(price.unitAmount, price.currency)}</p>
        {product.description && <p className="muted">{product.description}</p>}
      </div>
      <button
        data-testid={`add-${sku(price)}`}
        aria-label={`Add ${product.name} to the basket`}
        onClick={() => {
          setQuantity(sku(price), inBasket + 1)
          say(`${product.name} added, ${inBasket + 1} in the basket`)
        }}
      >
        {inBasket > 0 ? 'Add another' : 'Add to basket'}
      </button>
      <span className="sr" role="status">{said}</span>
    </li>
  )
}
