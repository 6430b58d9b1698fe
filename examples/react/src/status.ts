// Status words are open sets: show an unknown one as it is.
export const statusWords: Record<string, string> = {
  // an order's
  open: 'Awaiting payment',
  authorized: 'Authorized',
  paid: 'Paid',
  partially_refunded: 'Partly refunded',
  refunded: 'Refunded',
  // a payment's
  requires_payment_method: 'Waiting for a card',
  requires_confirmation: 'Waiting for confirmation',
  requires_action: 'Waiting for the bank’s check',
  requires_capture: 'Authorized',
  succeeded: 'Paid',
  unknown: 'Waiting for Stripe’s answer',
  // both
  processing: 'Processing',
  canceled: 'Canceled',
}
