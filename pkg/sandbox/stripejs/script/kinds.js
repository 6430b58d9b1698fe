// The Elements there are. bleed is how far the shadows of focused fields reach
// over the frame's content, height what is kept free until the frame has measured itself.

/** @type {Record<string, {title: string, bleed: number, height: number}>} */
const KINDS = {
  payment: { title: 'Secure payment input frame', bleed: 4, height: 232 },
  card: { title: 'Secure card payment input frame', bleed: 0, height: 20 },
  cardNumber: { title: 'Secure card number input frame', bleed: 0, height: 20 },
  cardExpiry: { title: 'Secure expiration date input frame', bleed: 0, height: 20 },
  cardCvc: { title: 'Secure CVC input frame', bleed: 0, height: 20 },
  iban: { title: 'Secure IBAN input frame', bleed: 0, height: 20 },
  address: { title: 'Secure address input frame', bleed: 4, height: 480 },
  linkAuthentication: { title: 'Secure email input frame', bleed: 4, height: 76 },
  expressCheckout: { title: 'Secure express checkout frame', bleed: 0, height: 0 },
};

// Elements of Stripe's that are not here.
/** @type {Record<string, string>} */
const ABSENT_KINDS = {
  affirmMessage: 'it advertises instalments, which depend on the buyer and Stripe’s partners.',
  afterpayClearpayMessage: 'it advertises instalments, which depend on the buyer and Stripe’s partners.',
  auBankAccount: 'use the Payment Element with au_becs_debit.',
  contactDetails: 'it belongs to Checkout’s own Elements, which the sandbox does not have.',
  currencySelector: 'it belongs to Checkout’s own Elements, which the sandbox does not have.',
  epsBank: 'use the Payment Element with eps.',
  fpxBank: 'use the Payment Element with fpx.',
  idealBank: 'use the Payment Element with ideal.',
  issuingAddToWalletButton: 'there is no Issuing.',
  issuingCardCopyButton: 'there is no Issuing.',
  issuingCardCvcDisplay: 'there is no Issuing.',
  issuingCardExpiryDisplay: 'there is no Issuing.',
  issuingCardNumberDisplay: 'there is no Issuing.',
  issuingCardPinDisplay: 'there is no Issuing.',
  linkSignup: 'there is no Link.',
  p24Bank: 'use the Payment Element with p24.',
  paymentForm: 'it belongs to Checkout’s own Elements, which the sandbox does not have.',
  paymentMethodMessaging: 'it advertises instalments, which depend on the buyer and Stripe’s partners.',
  paymentRequestButton: 'no wallet is there to be asked: paymentRequest().canMakePayment() resolves with null.',
  shippingAddress: 'use the Address Element.',
  taxId: 'it belongs to Checkout’s own Elements, which the sandbox does not have.',
  terms: 'it belongs to Checkout’s own Elements, which the sandbox does not have.',
};
