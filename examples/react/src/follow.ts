// Following a payment: by the event stream, or by GET /payments/{id}?wait= while there is none.
import { getPayment, pause } from './payments'
import { NoStream, readStream } from './stream'
import { Trouble, type Payment } from './till'

interface Listener {
  news: (payment: Payment) => void // at once, and at each change
  lost: () => void // Till can't be reached; we keep trying
}

/** Goes on until the payment is settled for good; throws when `signal` aborts. `last` is what is known already. */
export async function followPayment(id: string, last: Payment | undefined, signal: AbortSignal, tell: Listener): Promise<void> {
  let failures = 0 // in a row
  let breaks = 0
  let noStreamUntil = 0

  const take = (payment: Payment) => {
    failures = breaks = 0
    if (last && payment.version < last.version) return
    last = payment
    tell.news(payment)
  }

  while (!isFinal(last)) {
    if (Date.now() >= noStreamUntil) {
      try {
        await pause(await readStream(id, last?.version, signal, take), signal)
        continue
      } catch (cause) {
        signal.throwIfAborted()
        noStreamUntil = Date.now() + 1000 * (cause instanceof NoStream ? cause.wait : Math.min(60, 2 ** ++breaks))
      }
    }
    try {
      const before = last?.version
      take(await getPayment(id, before === undefined ? {} : { wait: 25, after: before }, signal))
      if (last?.version === before) await pause(1000, signal) // Till is stopping, or waited in vain
    } catch (cause) {
      signal.throwIfAborted()
      if (cause instanceof Trouble && cause.code === 'not_found') throw cause // not ours any more
      tell.lost()
      const wait = (cause instanceof Trouble && cause.wait) || Math.min(15, 2 ** failures++)
      await pause(wait * 1000, signal)
    }
  }
}

function isFinal(payment: Payment | undefined): boolean {
  return payment?.status === 'succeeded' || payment?.status === 'canceled'
}
