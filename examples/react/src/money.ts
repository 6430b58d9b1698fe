// What shoppers read: amounts and dates, as their browser writes them.
// Amounts are whole numbers of the currency's smallest unit, as Stripe counts them.
// Intl is no guide to that: browsers show forints without decimals, Stripe takes two.
const none = 'bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' ')
const three = 'bhd jod kwd omr tnd'.split(' ')

function decimals(currency: string): number {
  return none.includes(currency) ? 0 : three.includes(currency) ? 3 : 2
}

export function money(amount: number, currency: string): string {
  const digits = decimals(currency)
  return new Intl.NumberFormat(undefined, {
    style: 'currency', currency, minimumFractionDigits: digits, maximumFractionDigits: digits,
  }).format(amount / 10 ** digits) // for the eye only; sums are made of whole numbers
}

export function dateTime(iso: string): string {
  return new Date(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })
}

/** "12.50" → 1250 in euros, or undefined where that is no amount of this currency. */
export function parseMoney(text: string, currency: string): number | undefined {
  const parts = /^(\d{1,9})(?:[.,](\d*))?$/.exec(text.trim())
  const digits = decimals(currency)
  const fraction = parts?.[2] ?? ''
  if (!parts?.[1] || fraction.length > digits) return undefined
  return Number(parts[1] + fraction.padEnd(digits, '0'))
}
