import { useEffect, useState } from 'react'
import { Basket, showBasket } from './Basket'
import { keepOnly, setQuantity, sku, useCart } from './cart'
import { Donation } from './Donation'
import { money } from './money'
import { Picture } from './pictures'
import { ask, getConfig, open, type Price, type Product } from './till'
import { Page, Waiting, Wrong } from './ui'
import { useAnswer } from './useAnswer'

/** A product with the one price that this shop sells it at. */
export interface Ware {
  product: Product
  price: Price
}

export function Shop({ atBasket }: { atBasket: boolean }) {
  const { data, error, retry } = useAnswer(async (signal) => {
    const [config, catalog] = await Promise.all([
      getConfig(), ask(open.GET('/catalog/products', { params: { query: { limit: 100 } }, signal })),
    ])
    return { config, wares: waresOf(catalog.data, config.currency) }
  }, [])

  useEffect(() => {
    if (data) keepOnly(data.wares.map(({ price }) => sku(price)))
    if (data && atBasket) showBasket()
  }, [atBasket, data])

  return (
    <Page title="Small things, well made">
      {error && <Wrong error={error} retry={retry} />}
      {!data && !error && <Waiting like={outline}>Setting out the shelves…</Waiting>}
      {data && (
        <div className="shop">
          <div>
            {data.wares.length === 0 && <p className="empty">The shelves are empty. Add products in Stripe and run <code>till sync catalog</code>.</p>}
            <ul className="shelf">{data.wares.map((ware) => <Tile key={ware.product.id} {...ware} />)}</ul>
            {data.config.features.clientAmounts && <Donation config={data.config} />}
          </div>
          <Basket wares={data.wares} currency={data.config.currency} />
        </div>
      )}
    </Page>
  )
}

function waresOf(products: Product[], currency: string): Ware[] {
  return products.flatMap((product) => {
    const price = product.prices.find((p) => p.currency === currency) ?? product.prices[0]
    return price ? [{ product, price }] : []
  })
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
        onClick={() => {
          setQuantity(sku(price), inBasket + 1)
          say(`${product.name} added, ${inBasket + 1} in the basket`)
        }}
      >
        {inBasket > 0 ? 'Add another' : 'Add to basket'}<span className="sr">: {product.name}</span>
      </button>
      <span className="sr" role="status">{said}</span>
    </li>
  )
}

const outline = (
  <div className="shop">
    <div className="shelf">
      {[1, 2, 3].map((tile) => (
        <div key={tile} className="tile"><div className="bone picture" /><div className="bone line" /><div className="bone pill" /></div>
      ))}
    </div>
    <div className="bone basket" />
  </div>
)
