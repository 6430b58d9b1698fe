import { useState } from 'react'

const cards = [
  ['4242 4242 4242 4242', 'pays'],
  ['4000 0025 0000 3155', 'asks for 3D Secure'],
  ['4000 0000 0000 9995', 'is declined'],
] as const

/** Only while Till runs on its sandbox, where no card is real. */
export function TestCards() {
  const [copied, setCopied] = useState('')
  return (
    <aside className="cards" aria-label="Test cards">
      <h2>Try these cards</h2>
      <ul>
        {cards.map(([number, effect]) => (
          <li key={number}>
            <button
              type="button" className="number" title="Copy"
              onClick={() => navigator.clipboard?.writeText(number).then(() => setCopied(number), () => undefined)}
            >
              {number}
            </button>
            <span aria-live="polite">{copied === number ? 'copied' : effect}</span>
          </li>
        ))}
      </ul>
      <p className="muted small">With any date to come, any three digits and any ZIP code.</p>
    </aside>
  )
}
