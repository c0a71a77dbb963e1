/** The program's files and what each of them imports, types included: read from the text, for the test of the layout. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const GENERATED = /(^|\/)(node_modules|dist)\//;
/** Statements in comments and strings are not at the start of a line, or have no specifier after them. */
const FROM = /^\s*(?:import|export)(\s+type)?\b[^;'"]*?from\s+['"]([^'"]+)['"]/gm;
const DYNAMIC = /(?:^|[^\w.])import\(\s*['"]([^'"]+)['"]\s*\)/g;
const BARE = /^import\s+['"]([^'"]+)['"]/gm;
/** Modules that are started instead of imported: children, threads. */
const STARTED = /new URL\(\s*['"](\.[^'"]+\.ts)['"],\s*import\.meta\.url\)/g;

export interface Import {
  file: string;
  /** Path below the root for a file of ours, else the package's name as written. */
  target: string;
  ours: boolean;
  typeOnly: boolean;
  /** Started by its address as a process or a thread, and not imported. */
  started: boolean;
}

export interface SourceTree {
  /** Paths below the root, with slashes. */
  files: string[];
  imports: Import[];
}

export const isTest = (file: string): boolean => file.startsWith('test/') || file.endsWith('.test.ts');

export function readSourceTree(rooms: readonly string[]): SourceTree {
  const files = rooms.flatMap((room) =>
    readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
      .map((file) => posix.join(room, file.replaceAll('\\', '/')))
      .filter((file) => /\.(tsx?|css)$/.test(file) && !GENERATED.test(file)),
  );
  return { files, imports: files.flatMap(importsOf) };
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const one = (written: string, typeOnly: boolean, started = false): Import => {
    const ours = written.startsWith('.');
    const target = ours ? relative(ROOT, resolve(ROOT, dirname(file), written)).replaceAll('\\', '/') : written;
    return { file, target, ours, typeOnly, started };
  };
  return [
    ...[...text.matchAll(FROM)].map(([, type, written]) => one(written, type !== undefined)),
    ...[...text.matchAll(DYNAMIC), ...text.matchAll(BARE)].map(([, written]) => one(written, false)),
    ...[...text.matchAll(STARTED)].map(([, written]) => one(written, false, true)),
  ];
}

/** Sets of files that reach each other by imports (Tarjan 1972, strongly connected components of more than one file). */
export function circlesOf({ files, imports }: SourceTree): string[][] {
  const next = Map.groupBy(
    imports.filter(({ ours, started }) => ours && !started),
    ({ file }) => file,
  );
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file)!);
    stack.push(file);
    for (const { target } of next.get(file) ?? []) {
      if (!index.has(target)) visit(target);
      if (stack.includes(target)) low.set(file, Math.min(low.get(file)!, low.get(target)!));
    }
    if (low.get(file) !== index.get(file)) return;
    const circle = stack.splice(stack.indexOf(file));
    if (circle.length > 1) circles.push(circle.sort());
  };
  for (const file of files) if (!index.has(file)) visit(file);
  return circles;
}
