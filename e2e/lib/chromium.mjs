// Which Chromium the browser tests drive, and how it is launched.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const e2e = path.resolve(import.meta.dirname, '..');
const INSTALLED = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const MAC = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';

// findChromium gives {path, version, from}, or throws with what to do about it.
export async function findChromium() {
  if (process.env.CHROMIUM_PATH) return describe(process.env.CHROMIUM_PATH, 'CHROMIUM_PATH');
  const folders = (process.env.PATH || '').split(path.delimiter);
  for (const name of INSTALLED) {
    const folder = folders.find((f) => fs.existsSync(path.join(f, name)));
    if (folder) return describe(path.join(folder, name), folder);
  }
  if (fs.existsSync(MAC)) return describe(MAC, '/Applications');
  const unpacked = await unpack();
  if (unpacked) return describe(unpacked, 'e2e/node_modules');
  throw new Error('no Chromium: run `npm ci` in e2e/, install one, or name one with CHROMIUM_PATH');
}

function describe(file, from) {
  const version = execFileSync(file, ['--version'], { env: environment(file), stdio: ['ignore', 'pipe', 'ignore'] }).toString();
  return { path: file, from, version: version.replace(/[^0-9]*([0-9.]+).*/s, '$1') };
}

// unpack takes the browser out of its npm package, once per version. It is
// unpacked beside its place and then renamed, so that an interrupted run or two
// at once leave no half browser behind.
async function unpack() {
  const manifest = path.join(e2e, 'node_modules', '@sparticuz', 'chromium', 'package.json');
  if (process.platform !== 'linux' || process.arch !== 'x64' || !fs.existsSync(manifest)) return null;
  const { version } = JSON.parse(fs.readFileSync(manifest, 'utf8'));
  const place = path.join(e2e, 'out', 'chromium-' + version);
  const binary = path.join(place, 'chromium');
  if (fs.existsSync(binary)) return binary;
  const beside = `${place}.${process.pid}`;
  fs.mkdirSync(beside, { recursive: true });
  // The package unpacks to the temporary folder, and brings the system's
  // libraries along only where it believes to be on AWS.
  const saved = { ...process.env };
  process.env.TMPDIR = beside;
  process.env.AWS_EXECUTION_ENV = 'AWS_Lambda_nodejs20.x';
  try {
    const { default: packed } = await import('@sparticuz/chromium');
    await packed.executablePath();
  } finally {
    for (const name of Object.keys(process.env)) if (!(name in saved)) delete process.env[name];
    Object.assign(process.env, saved);
  }
  fs.chmodSync(path.join(beside, 'chromium'), 0o755);
  try {
    fs.renameSync(beside, place);
  } catch {
    fs.rmSync(beside, { recursive: true, force: true }); // another run was faster
  }
  return binary;
}

// environment adds the fonts and libraries unpacked beside the browser where
// the machine has none of its own.
function environment(file) {
  const env = { ...process.env };
  const folder = path.dirname(file);
  const fonts = path.join(folder, 'fonts');
  if (!fs.existsSync('/etc/fonts/fonts.conf') && fs.existsSync(fonts)) env.FONTCONFIG_PATH = fonts;
  const libraries = path.join(folder, 'al2023', 'lib');
  if (fs.existsSync(libraries) && missingLibraries(file)) env.LD_LIBRARY_PATH = libraries;
  return env;
}

function missingLibraries(file) {
  try {
    return execFileSync('ldd', [file], { stdio: ['ignore', 'pipe', 'ignore'] }).toString().includes('not found');
  } catch {
    return true;
  }
}

// launch starts a headless browser. It makes no requests of its own.
export async function launch() {
  const { path: executablePath } = await findChromium();
  const { chromium } = await import('playwright-core'); // only here, so that finding a browser needs no package
  return chromium.launch({
    executablePath,
    env: environment(executablePath),
    args: [
      '--no-sandbox', // Chromium's own sandbox needs rights that a container or root does not give
      '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
      '--font-render-hinting=none',
    ],
  });
}
