// GET /payments/{id}/events: server-sent events, read with fetch because
// EventSource can't send the guest's token.
import { createParser } from 'eventsource-parser'
import { fetchAsGuest, retryAfter, tillUrl, type Payment } from './till'

const firstNewsWithin = 6_000 // a proxy that keeps the stream back says nothing at all
const silentFor = 40_000 // Till speaks every 15 s, if only a comment

/** There is no stream to be had for now: use something else, and ask for one again after `wait` seconds. */
export class NoStream extends Error {
  constructor(readonly wait: number) {
    super('no event stream')
  }
}

/**
 * Calls `tell` at each change that is newer than version `seen`. Resolves when Till has
 * ended the stream, with the milliseconds to wait before the next; throws when it is
 * refused (NoStream), or broken on the way.
 */
export async function readStream(
  id: string, seen: number | undefined, signal: AbortSignal, tell: (payment: Payment) => void,
): Promise<number> {
  const stop = new AbortController()
  const leave = () => stop.abort()
  signal.addEventListener('abort', leave)
  let alarm = setTimeout(leave, firstNewsWithin)
  try {
    const headers: Record<string, string> = { Accept: 'text/event-stream' }
    if (seen !== undefined) headers['Last-Event-ID'] = String(seen)
    const url = `${tillUrl}/payments/${encodeURIComponent(id)}/events`
    const response = await fetchAsGuest(new Request(url, { headers, cache: 'no-store', signal: stop.signal }))
    const type = response.headers.get('Content-Type') ?? ''
    if (!response.ok || !response.body || !type.startsWith('text/event-stream')) throw new NoStream(retryAfter(response) ?? 60)

    let retry = 1000
    const parser = createParser({
      onEvent: ({ event, data }) => event === 'payment' && tell(JSON.parse(data) as Payment),
      onRetry: (milliseconds) => (retry = milliseconds),
    })
    const text = response.body.pipeThrough(new TextDecoderStream()).getReader()
    for (;;) {
      const { done, value } = await text.read()
      if (done) return retry
      clearTimeout(alarm)
      alarm = setTimeout(leave, silentFor)
      parser.feed(value)
    }
  } finally {
    clearTimeout(alarm)
    signal.removeEventListener('abort', leave)
    leave()
  }
}
