// An amount of the shopper's own. Till refuses these unless its operator set bounds.
import { useState, type FormEvent } from 'react'
import { newReference, useCart } from './cart'
import { money, parseMoney } from './money'
import { Jar } from './pictures'
import { go } from './route'
import { ask, till, type Config } from './till'
import { Wrong } from './ui'

export function Donation({ config: { currency, features } }: { config: Config }) {
  const { clientAmountMin: min = 1, clientAmountMax: max = Number.MAX_SAFE_INTEGER } = features
  const { email } = useCart()
  const [reference] = useState(() => newReference('tip')) // the same for each try, so that a repeat makes no second order
  const [text, setText] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<Error>()

  async function give(event: FormEvent) {
    event.preventDefault()
    if (busy) return
    const amount = parseMoney(text, currency)
    if (amount === undefined || amount < min || amount > max) {
      return setError(new Error(`Please choose an amount from ${money(min, currency)} to ${money(max, currency)}.`))
    }
    setBusy(true)
    setError(undefined)
    try {
      const body = { amount, currency, reference, description: 'Tip jar', ...(email && { receiptEmail: email }) }
      const order = await ask(till.POST('/orders', { body }))
      go(`/pay/${order.id}`)
    } catch (cause) {
      setError(cause as Error)
      setBusy(false)
    }
  }

  return (
    <form className="donation" onSubmit={give} noValidate>
      <Jar />
      <div>
        <h2>The tip jar</h2>
        <p className="muted">Just passing by? Leave what you like for the people who make these.</p>
        <div className="row">
          <label className="sr" htmlFor="tip">Amount in {currency.toUpperCase()}</label>
          <input
            id="tip" data-testid="tip" inputMode="decimal" autoComplete="off" placeholder="5.00"
            aria-invalid={error !== undefined} aria-describedby={error && 'tip-error'}
            value={text} onChange={(event) => setText(event.target.value)}
          />
          <span className="unit" aria-hidden="true">{currency.toUpperCase()}</span>
          <button data-testid="give" aria-disabled={busy}>Leave a tip</button>
        </div>
        {error && <div id="tip-error"><Wrong error={error} /></div>}
      </div>
    </form>
  )
}
