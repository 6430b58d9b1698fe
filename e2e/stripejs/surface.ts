// The sandbox's Stripe.js held against the types that Stripe publishes, method by
// method. surface.test.mjs compiles this for three majors of @stripe/stripe-js;
// names that one of them does not declare are nobody's promise there.
import type * as declared from '@stripe/stripe-js';

type Sandbox = StripeInstance & PaymentConfirmations & SetupConfirmations;

// Declared is what Stripe promises, but for the methods that say themselves why
// they are not here (ABSENT in stripe.js; surface.test.mjs knows each by name).
type Absent =
  | 'collectBankAccountForPayment' | 'collectBankAccountForSetup' | 'collectBankAccountToken' | 'collectFinancialConnectionsAccounts'
  | 'createEphemeralKeyNonce' | 'createRadarSession' | 'initCheckout' | 'initCheckoutElementsSdk' | 'initCheckoutFormSdk' | 'initCustomCheckout'
  | 'initializePricing' | 'processOrder' | 'retrieveOrder' | 'verifyIdentity';

declare const sandbox: Sandbox;
export const stripe: Omit<declared.Stripe, Absent> = sandbox;

export const construct: (key: string, options?: declared.StripeConstructorOptions) => Omit<declared.Stripe, Absent> =
  (key, options) => Stripe(key, options) as Sandbox;

export const elements: declared.StripeElements = sandbox.elements({ mode: 'payment', amount: 1, currency: 'usd' });

declare const element: StripeElement;
export const payment: declared.StripePaymentElement = element;
export const card: declared.StripeCardElement = element;
export const cardNumber: declared.StripeCardNumberElement = element;
export const cardExpiry: declared.StripeCardExpiryElement = element;
export const cardCvc: declared.StripeCardCvcElement = element;
export const iban: declared.StripeIbanElement = element;
export const address: declared.StripeAddressElement = element;
export const linkAuthentication: declared.StripeLinkAuthenticationElement = element;
export const expressCheckout: declared.StripeExpressCheckoutElement = element;

export const request: declared.PaymentRequest = sandbox.paymentRequest({});
export const embedded: Promise<declared.StripeEmbeddedCheckout> = sandbox.createEmbeddedCheckoutPage({});
