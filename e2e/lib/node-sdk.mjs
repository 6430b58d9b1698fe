// Stripe's own SDK for Node, with a sandbox of its own to talk to.
import assert from 'node:assert/strict';
import http from 'node:http';
import Stripe from 'stripe';
import { startSandbox } from './till.mjs';

// startSDK gives {stripe, client(), door(), url, stop}.
export async function startSDK() {
  const { url, stop } = await startSandbox();
  const { hostname, port } = new URL(url);
  // Files go to files.stripe.com whatever host the SDK is given: here every name is the sandbox's.
  const lookup = (name, options, done) => (options.all ? done(null, [{ address: hostname, family: 4 }]) : done(null, hostname, 4));
  const httpAgent = new http.Agent({ keepAlive: true, lookup });
  const client = (key, config = {}) => new Stripe(key, { protocol: 'http', host: hostname, port, maxNetworkRetries: 0, httpAgent, ...config });
  return {
    url, stop, client,
    stripe: client('sk_test_node'),
    // door is one of the sandbox's doors for testers.
    door: async (method, path, body) => {
      const response = await fetch(url + '/_sandbox' + path, { method, body: body && JSON.stringify(body) });
      assert.ok(response.ok, `${method} ${path}: ${response.status}`);
      return response.status === 204 ? null : response.json();
    },
  };
}

// refused is the error that a call must end in, as the SDK's class for it.
export async function refused(type, call) {
  const error = await call.then((answer) => assert.fail(`not refused: ${JSON.stringify(answer)}`), (reason) => reason);
  assert.equal(error.type, type, error.stack);
  return error;
}
