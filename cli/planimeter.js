#!/usr/bin/env node
// Plain JavaScript that any Node can read: finds a Node that is new enough before the program is loaded.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major > 24 || (major === 24 && minor >= 2)) {
  // A checkout has the sources; in the package lies what scripts/build-package.ts makes of them.
  const sources = existsSync(new URL('./main.ts', import.meta.url));
  const { main } = await import(sources ? './main.ts' : '../dist/cli/main.js');
  await main(process.argv.slice(2));
} else {
  const node = ownNode();
  if (node) runOn(node);
  else refuse();
}

/** The Node that comes with the program, where its platform has one. */
function ownNode() {
  try {
    const path = createRequire(import.meta.url).resolve(`node-${process.platform}-${process.arch}/bin/node`);
    return existsSync(path) ? path : null;
  } catch {
    return null;
  }
}

/** The same call on another Node, which gets the signals that come here, and whose end is the end of this process. */
function runOn(node) {
  const child = spawn(node, [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  child.on('error', ({ message }) => {
    process.stderr.write(`planimeter: ${node}: ${message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

function refuse() {
  process.stderr.write(
    `planimeter needs Node 24.2 or newer; this is Node ${process.versions.node}.\n` +
      'On Linux its own Node is installed with it, unless optional packages are left out ("--omit=optional").\n' +
      'Elsewhere install Node 24 from https://nodejs.org.\n',
  );
  process.exitCode = 1;
}
