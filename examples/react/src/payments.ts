// Starting a payment, and following it until it is decided.
import { useEffect, useState } from 'react'
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

/** The payment as it is now, and again at each change, without a reload. */
export function useLivePayment(id: string | undefined): { payment?: Payment; changed: boolean; lost: boolean } {
  const [payment, setPayment] = useState<Payment>()
  const [changed, setChanged] = useState(false) // since this page opened
  const [lost, setLost] = useState(false)

  useEffect(() => {
    if (!id) return
    const gone = new AbortController()
    const follow = async () => {
      let seen: number | undefined
      while (!gone.signal.aborted) {
        try {
          const now = await getPayment(id, seen === undefined ? {} : { wait: 25, after: seen }, gone.signal)
          setPayment(now)
          setLost(false)
          if (seen !== undefined && now.version !== seen) setChanged(true)
          if (now.status === 'succeeded' || now.status === 'canceled') return
          if (now.version === seen) await pause(500, gone.signal)
          seen = now.version
        } catch {
          if (gone.signal.aborted) return
          setLost(true)
          await pause(3000, gone.signal)
        }
      }
    }
    follow().catch(() => undefined) // only an aborted pause gets here
    return () => gone.abort()
  }, [id])

  return { payment, changed, lost }
}

export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(new DOMException('Aborted', 'AbortError'))
    })
  })
}
