// Calls to /v1 in Stripe's form encoding, with the publishable key.

/**
 * Account says whose API is called, and where.
 * @typedef {{base: string, key: string, stripeAccount?: string, apiVersion?: string}} Account
 */

/**
 * callAPI never throws: what goes wrong on the way is an {error} of Stripe's
 * shape, as callers of Stripe.js expect.
 * @param {Account} account @param {'GET' | 'POST'} method @param {string} path @param {object} [params]
 * @returns {Promise<any>}
 */
async function callAPI(account, method, path, params) {
  const form = encodeForm(params || {});
  /** @type {Record<string, string>} */
  const headers = { Authorization: 'Bearer ' + account.key };
  if (account.stripeAccount) headers['Stripe-Account'] = account.stripeAccount;
  if (account.apiVersion) headers['Stripe-Version'] = account.apiVersion;
  const query = method === 'GET' && form.size ? '?' + form : '';
  try {
    const response = await fetch(account.base + path + query, {
      method,
      headers,
      body: method === 'GET' ? undefined : form,
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
    });
    const body = await response.json();
    if (body && (body.error || body.object)) return body;
  } catch {
    // Told below: no answer and an answer that cannot be read are the same to the payer.
  }
  return {
    error: {
      type: 'api_connection_error',
      message: 'We are experiencing issues connecting to our payments provider. Please check your internet connection and try again.',
    },
  };
}

/**
 * encodeForm writes nested values as a[b][c]=1, which Stripe's API reads.
 * @param {object} params
 */
function encodeForm(params) {
  const form = new URLSearchParams();
  const add = (name, value) => {
    if (value === undefined || value === null) return;
    if (typeof value === 'object') {
      for (const [key, inner] of Object.entries(value)) add(`${name}[${key}]`, inner);
      return;
    }
    form.append(name, String(value));
  };
  for (const [name, value] of Object.entries(params)) add(name, value);
  return form;
}
