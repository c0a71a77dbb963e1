#!/usr/bin/env node
// Plain JavaScript that any Node can read: says what is missing before the TypeScript is loaded.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major > 24 || (major === 24 && minor >= 2)) {
  import('./main.ts').then(({ main }) => main(process.argv.slice(2)));
} else {
  process.stderr.write(
    `planimeter needs Node 24.2 or newer; this is Node ${process.versions.node}.\n` +
      'Its own Node comes with "npm ci": run it through npm ("npx planimeter …", "npm run demo"),\n' +
      'or install Node 24 from https://nodejs.org.\n',
  );
  process.exitCode = 1;
}
