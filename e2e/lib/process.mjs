// Starting commands and waiting for what they say.
import { spawn } from 'node:child_process';

// startCommand resolves with {match, output, stop} once a line of the
// command's output matches, and rejects with all it said if it ends before.
export function startCommand(command, args, { until, env = {}, cwd } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let settled = false;
    const ended = new Promise((done) => child.once('exit', done));
    // A test process that dies must not leave the command running.
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    const stop = async () => {
      const impatient = setTimeout(kill, 10_000);
      child.kill('SIGTERM');
      await ended;
      clearTimeout(impatient);
      process.off('exit', kill);
    };
    const read = (chunk) => {
      output += chunk;
      const match = settled ? null : until.exec(output);
      if (!match) return;
      settled = true;
      resolve({ match, output: () => output, stop });
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', read);
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (!settled) reject(new Error(`${command} ${args.join(' ')} ended (${signal || code}) before it was ready:\n${output}`));
    });
  });
}
