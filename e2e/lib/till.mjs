// The real binary, and its sandbox as a process of its own.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { startCommand } from './process.mjs';

const repository = path.resolve(import.meta.dirname, '..', '..');
let built = null;

// tillBinary is TILL_BIN, or is built once per test process.
export function tillBinary() {
  if (process.env.TILL_BIN) return path.resolve(process.env.TILL_BIN);
  if (!built) {
    const file = path.join(repository, 'e2e', 'out', 'till');
    // Renamed into place: another test process may be running the last one.
    execFileSync('go', ['build', '-o', `${file}.${process.pid}`, './cmd/till'], { cwd: repository, stdio: 'inherit' });
    fs.renameSync(`${file}.${process.pid}`, file);
    built = file;
  }
  return built;
}

// startSandbox gives {url, stripe(), stop}.
export async function startSandbox() {
  const { match, stop } = await startCommand(tillBinary(), ['sandbox', '--addr', '127.0.0.1:0'], {
    until: /sandbox listening on (http:\/\/\S+)/,
  });
  return { url: match[1], stripe: stripeAt(match[1]), stop };
}

// stripeAt calls the sandbox's API as a shop's server would.
function stripeAt(origin) {
  return async (method, route, params = {}) => {
    const form = new URLSearchParams(params);
    const response = await fetch(`${origin}/v1${route}${method === 'GET' ? '?' + form : ''}`, {
      method,
      headers: { Authorization: 'Bearer sk_test_e2e' },
      body: method === 'GET' ? undefined : form,
    });
    const body = await response.json();
    if (!response.ok) throw new Error(`${method} ${route}: ${response.status} ${JSON.stringify(body)}`);
    return body;
  };
}

// startDemo is the newcomer's first command, on ports of its own:
// {url, stripe(), fault(), mend(), sandboxAddr, output(), stop}.
// With data it keeps its state there, and with the same addresses is the same demo again.
export async function startDemo({ data, addr = '127.0.0.1:0', sandboxAddr = '127.0.0.1:0' } = {}) {
  const { match, output, stop } = await startCommand(tillBinary(), ['demo', '--addr', addr, '--sandbox-addr', sandboxAddr, ...(data ? ['--data', data] : [])], {
    until: /shop\s+(http:\/\/[^\s/]+)/i,
  });
  const url = match[1];
  const { stripeJsUrl } = await (await fetch(url + '/config')).json();
  const { origin } = new URL(stripeJsUrl);
  const faults = async (method, body) => {
    const response = await fetch(origin + '/_sandbox/faults', { method, body });
    if (!response.ok) throw new Error(await response.text());
  };
  return {
    url, output, stop, sandboxAddr: new URL(origin).host, stripe: stripeAt(origin),
    fault: (wish) => faults('POST', JSON.stringify(wish)), // makes answers of the sandbox go wrong
    mend: () => faults('DELETE'),
  };
}
