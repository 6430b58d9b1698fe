// confirmIdealPayment, confirmSepaDebitSetup and so on: one method of Stripe
// each, which differ in the payment method's type alone.

const CONFIRM_PAYMENT = /** @type {const} */ ({
  AcssDebit: 'acss_debit', Affirm: 'affirm', AfterpayClearpay: 'afterpay_clearpay', Alipay: 'alipay', AuBecsDebit: 'au_becs_debit', Bancontact: 'bancontact',
  Billie: 'billie', Blik: 'blik', Boleto: 'boleto', Card: 'card', Cashapp: 'cashapp', CustomerBalance: 'customer_balance', Eps: 'eps', Fpx: 'fpx',
  Giropay: 'giropay', GrabPay: 'grabpay', Ideal: 'ideal', Klarna: 'klarna', Konbini: 'konbini', Mobilepay: 'mobilepay', Multibanco: 'multibanco', Oxxo: 'oxxo',
  P24: 'p24', PayByBank: 'pay_by_bank', PayNow: 'paynow', PayPal: 'paypal', Pix: 'pix', PromptPay: 'promptpay', SepaDebit: 'sepa_debit', Sofort: 'sofort',
  Twint: 'twint', UsBankAccount: 'us_bank_account', WechatPay: 'wechat_pay',
});

const CONFIRM_SETUP = /** @type {const} */ ({
  AcssDebit: 'acss_debit', AmazonPay: 'amazon_pay', AuBecsDebit: 'au_becs_debit', BacsDebit: 'bacs_debit', Bancontact: 'bancontact', Blik: 'blik', Card: 'card',
  Cashapp: 'cashapp', Ideal: 'ideal', PayPal: 'paypal', SepaDebit: 'sepa_debit', Sofort: 'sofort', UsBankAccount: 'us_bank_account',
});

/** @typedef {(clientSecret: string, data?: any, options?: any) => Promise<PaymentIntentResult>} ConfirmPayment */
/** @typedef {(clientSecret: string, data?: any, options?: any) => Promise<SetupIntentResult>} ConfirmSetup */
/** @typedef {{[Name in keyof typeof CONFIRM_PAYMENT as `confirm${Name}Payment`]: ConfirmPayment}} PaymentConfirmations */
/** @typedef {{[Name in keyof typeof CONFIRM_SETUP as `confirm${Name}Setup`]: ConfirmSetup}} SetupConfirmations */

/**
 * confirmations are those methods for one account.
 * @param {Account} account @returns {PaymentConfirmations & SetupConfirmations}
 */
function confirmations(account) {
  const methods = {};
  for (const [table, kind, what] of /** @type {const} */ ([[CONFIRM_PAYMENT, PAYMENT, 'Payment'], [CONFIRM_SETUP, SETUP, 'Setup']])) {
    for (const [name, type] of Object.entries(table)) {
      const caller = `confirm${name}${what}`;
      methods[caller] = (clientSecret, data, options) => confirmWithMethod(account, clientSecret, type, data, options, kind, 'stripe.' + caller);
    }
  }
  return /** @type {any} */ (methods);
}
