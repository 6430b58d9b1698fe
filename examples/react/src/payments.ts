// Starting a payment, asking for it, and giving it up.
import { ask, till, type Payment, type PaymentIntent, type PaymentRequest } from './till'

/**
 * Starts or resumes the payment of an order. While Till does not know Stripe's
 * answer it says 202; the same request again settles that and charges nothing twice.
 */
export async function startPayment(
  body: PaymentRequest, signal: AbortSignal, onSlow: () => void,
): Promise<PaymentIntent> {
  for (;;) {
    const intent = await ask(till.POST('/payments/intent', { body, signal }))
    if (!('retryAfter' in intent)) return intent
    onSlow()
    await pause(intent.retryAfter * 1000, signal)
    await getPayment(intent.id, { wait: 5 }, signal) // lets Till ask Stripe what became of it
  }
}

export function getPayment(
  id: string, query: { wait?: number; after?: number } = {}, signal?: AbortSignal,
): Promise<Payment> {
  return ask(till.GET('/payments/{id}', { params: { path: { id }, query }, signal }))
}

/** Ends an attempt that can't be tried again. Its order stays open, for a new one. */
export async function giveUpPayment(id: string): Promise<void> {
  await ask(till.POST('/payments/{id}/cancel', { params: { path: { id } } }))
}

export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    })
  })
}
