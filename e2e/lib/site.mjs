// A shop's page for tests: a React page bundled from pages/, served on an
// origin of its own.
import http from 'node:http';
import path from 'node:path';
import { build } from 'esbuild';

const e2e = path.resolve(import.meta.dirname, '..');

// alias puts one package in another's place, to bundle the page with another major.
export async function startSite(entry, { alias = {} } = {}) {
  const { outputFiles } = await build({
    entryPoints: [path.join(e2e, 'pages', entry)], absWorkingDir: e2e, alias,
    bundle: true, write: false, format: 'iife', jsx: 'automatic', define: { 'process.env.NODE_ENV': '"development"' }, logLevel: 'silent',
  });
  const script = outputFiles[0].contents;
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Test shop</title>
<link rel="icon" href="data:,"><body><div id="app"></div><script src="/page.js"></script></body></html>`;
  const server = http.createServer((request, response) => {
    const isScript = request.url === '/page.js';
    response.writeHead(200, { 'Content-Type': isScript ? 'text/javascript' : 'text/html', 'Cache-Control': 'no-store' });
    response.end(isScript ? script : html);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}
