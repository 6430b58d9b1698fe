// The runner around the tests: node e2e/run.mjs [--no-postgres|--durable] [--no-browser] -- COMMAND...
//
// It finds or starts a real Postgres, finds a Chromium, hands both to the
// command as TILL_TEST_DATABASE_URL and CHROMIUM_PATH, and passes on its exit
// code. Whatever happens, Postgres is stopped and its folder removed.
import { spawn } from 'node:child_process';
import os from 'node:os';

const args = process.argv.slice(2);
const split = args.indexOf('--');
const flags = split < 0 ? args : args.slice(0, split);
const command = split < 0 ? [] : args.slice(split + 1);
const unknown = flags.filter((flag) => !['--no-postgres', '--durable', '--no-browser'].includes(flag));
if (unknown.length || !command.length) {
  console.error('usage: node e2e/run.mjs [--no-postgres|--durable] [--no-browser] -- COMMAND...');
  process.exit(2);
}

const env = { ...process.env };
let postgres = null;
let child = null;
let stoppedBy = null;
process.on('exit', () => postgres && postgres.stopNow());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(signal));

process.exitCode = await main();

async function main() {
  try {
    if (!(await prepare('postgres', !flags.includes('--no-postgres'), havePostgres))) return 1;
    if (!(await prepare('chromium', !flags.includes('--no-browser'), haveChromium))) return 1;
    return stoppedBy ? codeOf(stoppedBy) : await runCommand();
  } finally {
    const server = postgres;
    postgres = null;
    if (server) await server.stop();
  }
}

// prepare says in one line what is used. What cannot be had is skipped aloud,
// but on a CI machine it is a failure: a green run there must mean all of it.
async function prepare(name, wanted, have) {
  if (!wanted) {
    console.log(`${name}: switched off`);
    return true;
  }
  try {
    console.log(`${name}: ${await have()}`);
    return true;
  } catch (err) {
    const fatal = process.env.CI === 'true';
    console.error(`\n!!!! ${name}: ${fatal ? 'MISSING' : 'SKIPPED, its tests do not run'} (${err.message.trim()})\n`);
    return !fatal;
  }
}

async function havePostgres() {
  if (env.TILL_TEST_DATABASE_URL) {
    const { host, pathname } = new URL(env.TILL_TEST_DATABASE_URL);
    return `${host}${pathname} from TILL_TEST_DATABASE_URL`;
  }
  const { startPostgres } = await import('./lib/postgres.mjs');
  postgres = await startPostgres({ durable: flags.includes('--durable') });
  env.TILL_TEST_DATABASE_URL = postgres.url;
  return `${postgres.version} from ${postgres.from}`;
}

async function haveChromium() {
  const { findChromium } = await import('./lib/chromium.mjs');
  const found = await findChromium();
  env.CHROMIUM_PATH = found.path;
  return `${found.version} from ${found.from}`;
}

// runCommand gives the command a process group of its own, so that a signal
// reaches all that it started.
function runCommand() {
  return new Promise((resolve) => {
    child = spawn(command[0], command.slice(1), { env, stdio: ['ignore', 'inherit', 'inherit'], detached: true });
    child.once('error', (err) => {
      console.error(err.message);
      resolve(127);
    });
    child.once('exit', async (code, signal) => {
      if (stoppedBy) await groupEnded();
      resolve(signal ? codeOf(signal) : code);
    });
  });
}

// groupEnded gives what the command had started a moment to end by itself.
async function groupEnded() {
  for (let i = 0; i < 30 && killGroup(0); i++) await new Promise((resolve) => setTimeout(resolve, 100));
  killGroup('SIGKILL');
}

function stop(signal) {
  stoppedBy = signal;
  if (!child || child.exitCode !== null) return;
  killGroup(signal);
  setTimeout(() => killGroup('SIGKILL'), 10_000).unref();
}

// killGroup reports whether there was anybody left to hear it.
function killGroup(signal) {
  try {
    process.kill(-child.pid, signal);
    return true;
  } catch {
    return false;
  }
}

function codeOf(signal) {
  return 128 + os.constants.signals[signal];
}
