// The cart and its reference. Till keeps one order per guest and reference, so a
// reload, a second click or a second tab pays the same order.
import { useSyncExternalStore } from 'react'
import type { Price } from './till'

export interface Cart {
  reference: string
  lines: Record<string, number> // sku → quantity
  email: string
}

const key = 'shop.cart'
const listeners = new Set<() => void>()
let cart = read()

function read(): Cart {
  try {
    return { ...emptyCart(), ...(JSON.parse(localStorage.getItem(key) ?? '{}') as Partial<Cart>) }
  } catch {
    return emptyCart()
  }
}

function write(next: Cart): void {
  cart = next
  localStorage.setItem(key, JSON.stringify(cart))
  listeners.forEach((tell) => tell())
}

function emptyCart(email = ''): Cart {
  return { reference: newReference('cart'), lines: {}, email }
}

/** Up to 64 characters of our own choice. */
export function newReference(prefix: string): string {
  const random = crypto.getRandomValues(new Uint8Array(12))
  return `${prefix}_${Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/** How a price is called in the cart: its lookup key outlives a price change. */
export function sku(price: Price): string {
  return price.lookupKey ?? price.id
}

export function setQuantity(sku: string, quantity: number): void {
  const { [sku]: _, ...others } = cart.lines
  write({ ...cart, lines: quantity > 0 ? { ...cart.lines, [sku]: quantity } : others })
}

/** Forgets what is not sold any more. */
export function keepOnly(skus: string[]): void {
  const lines = Object.entries(cart.lines).filter(([sku]) => skus.includes(sku))
  if (lines.length < Object.keys(cart.lines).length) write({ ...cart, lines: Object.fromEntries(lines) })
}

export function setEmail(email: string): void {
  write({ ...cart, email })
}

/** Empties the cart once its order is paid; any other order leaves it alone. */
export function finishCart(reference: string | undefined): void {
  if (reference === cart.reference) write(emptyCart(cart.email))
}

export function useCart(): Cart {
  return useSyncExternalStore(subscribe, () => cart)
}

function subscribe(tell: () => void): () => void {
  const otherTab = (event: StorageEvent) => {
    if (event.key !== key) return
    cart = read()
    tell()
  }
  listeners.add(tell)
  window.addEventListener('storage', otherTab)
  return () => {
    listeners.delete(tell)
    window.removeEventListener('storage', otherTab)
  }
}
