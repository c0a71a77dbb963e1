/**
 * `npm pack` and the image: dist/, the program as it is installed.
 *
 * Node strips types where it runs a checkout, and refuses to below node_modules. So it is done here, beforehand and by
 * the same stripper: lines and columns stay, no source maps are needed, and the only other change is that addresses
 * of files of ours, of imports as of `new URL('./x.ts', import.meta.url)`, end in .js.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
const ROOMS = ['errors', 'synthetic', 'tiler', 'models', 'vectorizer', 'server', 'cli', 'web/dist'];
/** What a program reads beside its code. */
const DATA = ['.sql', '.wat', '.json', '.onnx', '.md'];
const LEFT_OUT = /\.test\.ts$|^models\/training\/|^cli\/planimeter\.js$/;
/** A relative address of a TypeScript file, in quotes. */
const ADDRESS = /(?<=')(\.\.?\/[^'\n]+)\.ts(?=')/g;

rmSync(DIST, { recursive: true, force: true });
for (const room of ROOMS) {
  for (const entry of readdirSync(join(ROOT, room), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name).slice(ROOT.length);
    if (!entry.isFile() || LEFT_OUT.test(path)) continue;
    if (path.endsWith('.ts')) write(path.replace(/ts$/, 'js'), javaScriptOf(path));
    else if (room === 'web/dist' || DATA.includes(extname(path))) cpSync(join(ROOT, path), join(DIST, path));
  }
}
const { name, version, type } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
write('package.json', `${JSON.stringify({ name, version, type })}\n`);

function write(path: string, text: string): void {
  mkdirSync(dirname(join(DIST, path)), { recursive: true });
  writeFileSync(join(DIST, path), text);
}

/** Throws where an address leads nowhere. */
function javaScriptOf(path: string): string {
  const stripped = stripTypeScriptTypes(readFileSync(join(ROOT, path), 'utf8'));
  return stripped.replaceAll(ADDRESS, (address, stem) => {
    if (!existsSync(resolve(ROOT, dirname(path), address))) throw new Error(`${path}: there is no ${address}`);
    return `${stem}.js`;
  });
}
