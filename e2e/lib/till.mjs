// The real binary, and its sandbox as a process of its own.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { startCommand } from './process.mjs';

const repository = path.resolve(import.meta.dirname, '..', '..');
let built = null;

// tillBinary is TILL_BIN, or is built once per test process.
export function tillBinary() {
  if (process.env.TILL_BIN) return path.resolve(process.env.TILL_BIN);
  if (!built) {
    built = path.join(repository, 'e2e', 'out', 'till');
    execFileSync('go', ['build', '-o', built, './cmd/till'], { cwd: repository, stdio: 'inherit' });
  }
  return built;
}

// startSandbox gives {url, stripe(path, params), stop}.
export async function startSandbox() {
  const { match, stop } = await startCommand(tillBinary(), ['sandbox', '--addr', '127.0.0.1:0'], {
    until: /sandbox listening on (http:\/\/\S+)/,
  });
  const url = match[1];
  return {
    url,
    stop,
    // stripe calls the API as a shop's server would.
    async stripe(method, route, params = {}) {
      const response = await fetch(url + '/v1' + route, {
        method,
        headers: { Authorization: 'Bearer sk_test_e2e' },
        body: method === 'GET' ? undefined : new URLSearchParams(params),
      });
      const body = await response.json();
      if (!response.ok) throw new Error(`${method} ${route}: ${response.status} ${JSON.stringify(body)}`);
      return body;
    },
  };
}

// startDemo is the newcomer's first command, on ports of its own:
// {url, sandboxUrl, requests(), stop}.
export async function startDemo() {
  const { match, stop } = await startCommand(tillBinary(), ['demo', '--addr', '127.0.0.1:0', '--sandbox-addr', '127.0.0.1:0'], {
    until: /shop\S*\s+(http:\/\/[^\s/]+)/i,
  });
  const url = match[1];
  const { stripeJsUrl } = await (await fetch(url + '/config')).json();
  const sandboxUrl = new URL(stripeJsUrl).origin;
  return {
    url,
    sandboxUrl,
    stop,
    requests: async () => (await fetch(sandboxUrl + '/_sandbox/requests')).json(),
  };
}
