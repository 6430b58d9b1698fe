// The other way to pay: a page of Stripe's, which Till opens for the order. It takes
// the place of the card form, whose payment Till ends at Stripe first.
import { useEffect } from 'react'
import { pause } from './payments'
import { go } from './route'
import { ask, till, type CheckoutSession } from './till'
import { Waiting, Wrong } from './ui'
import { useAnswer } from './useAnswer'

/** Leaves for Stripe's page of this order; `stay` goes back to the card form. */
export function StripesPage({ orderId, stay }: { orderId: string; stay: () => void }) {
  const { data, error, retry } = useAnswer((signal) => openSession(orderId, signal), [orderId])
  useEffect(() => {
    if (data?.url) location.assign(data.url)
    else if (data) go(`/order/${orderId}`, 'replace') // paid, or on its way: there is nothing to show
  }, [data, orderId])
  useEffect(() => {
    const back = (event: PageTransitionEvent) => event.persisted && stay() // by the browser's own button
    window.addEventListener('pageshow', back)
    return () => window.removeEventListener('pageshow', back)
  }, [stay])
  return (
    <>
      {!error && <Waiting>Taking you to Stripe…</Waiting>}
      {error && <Wrong error={error} retry={retry} />}
      {error && <p className="links"><button type="button" onClick={stay}>Pay here instead</button></p>}
    </>
  )
}

/** Asked again, Till answers with the same page, as long as the order is the same. */
async function openSession(orderId: string, signal: AbortSignal): Promise<CheckoutSession> {
  const here = (path: string) => new URL(`#${path}`, location.href).href
  const body = { uiMode: 'hosted', orderId, successUrl: here(`/order/${orderId}/confirmed`), cancelUrl: here(`/order/${orderId}`) }
  for (;;) {
    const session = await ask(till.POST('/checkout/sessions', { body, signal }))
    if (session.status !== 'unknown') return session
    await pause(2000, signal) // Till asks Stripe meanwhile what became of it
  }
}
