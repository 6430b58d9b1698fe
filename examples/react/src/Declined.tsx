import { useEffect, useRef } from 'react'

/**
 * Why a try did not go through, and what helps. It takes the focus, so that it is read
 * out; one Tab further is the card form.
 */
export function Declined({ message, advice = '' }: { message: string; advice?: string }) {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    box.current?.focus({ preventScroll: true })
    box.current?.scrollIntoView({ block: 'nearest' })
  }, [message, advice])
  return (
    <div className="declined" role="group" aria-labelledby="declined" tabIndex={-1} ref={box} data-testid="pay-error">
      <h3 id="declined">{headings[advice] ?? 'That did not work'}</h3>
      <p>{message}</p>
      <p>{helps[advice] ?? ''}</p>
    </div>
  )
}

// Till's advice is an open set: an unknown one brings no words of ours.
const headings: Record<string, string> = {
  try_again: 'Not paid yet',
  other_card: 'Not paid: another card is needed',
  authenticate: 'Not paid: your bank has to agree',
  contact_bank: 'Not paid: your bank said no',
  stop: 'Not paid, and not possible with this card',
}

const helps: Record<string, string> = {
  try_again: 'Nothing was charged. Correct it below and pay again.',
  other_card: 'Nothing was charged. Enter another card below and pay again.',
  authenticate: 'Nothing was charged. Pay again and approve it when your bank asks.',
  contact_bank: 'Nothing was charged. Your bank can tell you why; another card works at once.',
  stop: 'Nothing was charged. The same card will not work; start again with another one.',
}
