// Till's API, typed from openapi.yaml. A shopper without an account is a guest:
// what a guest made is seen only with the same token, so it stays in localStorage.
import createClient from 'openapi-fetch'
import type { components, paths } from './api.gen'

type Schemas = components['schemas']
export type Config = Schemas['ClientConfig']
export type Product = Schemas['Product']
export type Price = Schemas['Price']
export type Order = Schemas['Order']
export type Payment = Schemas['Payment']
export type PaymentIntent = Schemas['PaymentIntent']
export type CheckoutSession = Schemas['CheckoutSession']
export type PaymentRequest = Schemas['CreatePaymentIntent']
export type TimelineEntry = Schemas['TimelineEntry']

/** Empty where Till itself serves the shop. */
export const tillUrl: string = import.meta.env.VITE_TILL_URL ?? ''

/** For what needs no token: the configuration and the catalogue. */
export const open = createClient<paths>({ baseUrl: tillUrl })

/** For everything else, as this browser's guest. */
export const till = createClient<paths>({ baseUrl: tillUrl, fetch: fetchAsGuest })

/** What went wrong, in words for a shopper. `code` is empty when Till could not be reached; `wait` is in seconds. */
export class Trouble extends Error {
  constructor(message: string, readonly code = '', readonly wait?: number) {
    super(message)
  }
}

const words: Record<string, string> = {
  not_found: 'We can’t find that here. It may belong to another browser.',
  amount_too_small: 'That is less than a card payment can be.',
  amount_too_large: 'That is more than a card payment can be.',
  price_not_found: 'Something in your basket is no longer for sale.',
  payment_in_progress: 'A payment for this basket is already being processed.',
  order_already_paid: 'This order is already paid.',
  order_canceled: 'This order was canceled.',
  rate_limited: 'That was a little fast. Please wait a moment before you try again.',
  stripe_unavailable: 'The card network can’t be reached just now. Nothing was charged.',
  unavailable: 'The shop is very busy. Please try again in a moment.',
}

/** Waits for a call and gives its data, or throws Trouble. */
export async function ask<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call.catch((cause: unknown) => {
    if (cause instanceof Trouble || (cause instanceof DOMException && cause.name === 'AbortError')) throw cause
    throw new Trouble('We can’t reach the shop. Please check your connection.')
  })
  if (data !== undefined) return data
  const problem = (error || {}) as Partial<Schemas['Problem']>
  const code = problem.code ?? 'unreadable'
  throw new Trouble(words[code] ?? problem.detail ?? problem.title ?? 'Something went wrong on our side.', code, retryAfter(response))
}

export function retryAfter(response: Response): number | undefined {
  return Number(response.headers.get('Retry-After')) || undefined
}

let config: Promise<Config> | undefined

/** What a client needs to know; asked for once. */
export function getConfig(): Promise<Config> {
  config ??= ask(open.GET('/config')).catch((cause: unknown) => {
    config = undefined // forgotten, so that it can be tried again
    throw cause
  })
  return config
}

const tokenKey = 'till.guest'
const expiredKey = 'till.expired'
let guest: Promise<string> | undefined

function guestToken(): Promise<string> {
  const kept = localStorage.getItem(tokenKey)
  if (kept) return Promise.resolve(kept)
  guest ??= ask(open.POST('/auth/guest'))
    .then(({ token }) => {
      localStorage.setItem(tokenKey, token)
      return token
    })
    .finally(() => (guest = undefined))
  return guest
}

/** Whether Till has stopped to take this browser's token: what was made with it can't be shown any more. */
export function visitExpired(): boolean {
  return localStorage.getItem(expiredKey) !== null
}

/** `fetch` with the guest's token. */
export async function fetchAsGuest(request: Request): Promise<Response> {
  const send = (token: string) => {
    const attempt = request.clone()
    attempt.headers.set('Authorization', `Bearer ${token}`)
    return fetch(attempt)
  }
  const token = await guestToken()
  const response = await send(token)
  if (response.status !== 401) return response
  // Expired, or Till has a new key: start over as a new guest, once.
  if (localStorage.getItem(tokenKey) === token) {
    localStorage.removeItem(tokenKey)
    localStorage.setItem(expiredKey, 'yes')
  }
  return send(await guestToken())
}
