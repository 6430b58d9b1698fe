// A sandbox has no Apple Pay and no Google Pay. Shops ask before they show such
// a button, so the honest answer is all that is needed.
class WalletRequest extends Emitter {
  /** @param {any} options */
  constructor(options) {
    super();
    const { country, currency, total } = options || {};
    if (!country || !currency || !total) throw new IntegrationError('Invalid value for paymentRequest(): country, currency and total are required.');
  }

  /** @returns {Promise<null>} */
  async canMakePayment() {
    return null;
  }

  show() {
    throw new IntegrationError('You can only call show() on a PaymentRequest whose canMakePayment() has resolved with a wallet.');
  }

  abort() {}

  isShowing() {
    return false;
  }

  /** @param {any} options */
  update(options) {
    if (!options) throw new IntegrationError('paymentRequest.update(): options are required.');
  }
}
