/**
 * The images in a folder and those below it, once they are whole: when size and times of an image, and of what lies
 * beside it, have stood still for a while, or when a file beside it says so.
 */
import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { matchSidecars, nameKey } from '../../tiler/ingest/sidecars.ts';
import { readInputs } from '../inputs.ts';
import type { Found, Look, Watched } from './watched.ts';

const LOOK_MS = 1000;
/** Endings of images. */
export const IMAGE = /\.(tiff?|zip)$/i;

export interface FolderOptions {
  /** Not looked into: what the program writes itself. */
  leaveOut: string;
  /** How long nothing may change before an image counts as whole. */
  settleMs: number;
  /** Ending of the file beside an image that says that it is whole: `.done` for `a.tif.done`. Without: nothing moves. */
  marker?: string | undefined;
  srs: string | undefined;
  /** Milliseconds that go forward, whatever the time of day does. */
  now?: () => number;
}

/** What an image's files were like at a look, and since when they have been so. */
interface Stood {
  version: string;
  modifiedMs: number;
  sinceMs: number;
}

export function watchFolder(folder: string, options: FolderOptions): Watched {
  const { settleMs, marker, srs, now = () => performance.now() } = options;
  const root = resolve(folder);
  const leaveOut = resolve(options.leaveOut);
  let seen = new Map<string, Stood>();

  const stateOf = async (files: readonly string[]): Promise<{ version: string; modifiedMs: number } | null> => {
    const states = await Promise.all(files.map((file) => stat(file).catch(() => null)));
    const [image] = states;
    if (!image?.isFile() || states.includes(null)) return null; // gone since it was listed
    const said = (states as Stats[]).map(({ size, mtimeMs, ctimeMs }) => `${size} ${mtimeMs} ${ctimeMs}`);
    return { version: said.join(', '), modifiedMs: image.mtimeMs };
  };

  return {
    ...{ place: root, lookMs: LOOK_MS, policy: null },
    async look(): Promise<Look> {
      const look: { whole: (Found & Stood)[]; unfinished: string[] } = { whole: [], unfinished: [] };
      const standing = new Map<string, Stood>();
      for await (const names of foldersBelow(root, leaveOut)) {
        for (const [key, path] of names) {
          if (!IMAGE.test(path)) continue;
          const marked = marker !== undefined && names.has(nameKey(key + marker));
          if (marker !== undefined && !marked) continue;
          const state = await stateOf([path, ...Object.values(matchSidecars(key, names))]);
          if (!state) continue;
          const name = relative(root, path).split(sep).join('/');
          const before = seen.get(name);
          const stood = before?.version === state.version ? before : { ...state, sinceMs: now() };
          standing.set(name, stood);
          if (marked || now() - stood.sinceMs >= settleMs) {
            look.whole.push({ name, ...stood, read: () => readInputs([path], srs) });
          } else look.unfinished.push(name);
        }
      }
      seen = standing;
      look.whole.sort((a, b) => a.modifiedMs - b.modifiedMs || (a.name < b.name ? -1 : 1));
      return look;
    },
    async hasChanged({ name, version }) {
      const path = join(root, name);
      const names = await filesOf(dirname(path));
      const state = await stateOf([path, ...Object.values(matchSidecars(nameKey(name.split('/').at(-1)!), names))]);
      return state?.version !== version;
    },
  };
}

/** Files of a folder, then of each folder in it, as paths by what their names are compared by; hidden ones are none. */
async function* foldersBelow(folder: string, leaveOut: string): AsyncGenerator<Map<string, string>> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter(({ name }) => !name.startsWith('.'));
  // Links to files count, those to folders do not: they may lead around in a circle.
  const files = entries.filter((entry) => !entry.isDirectory());
  yield new Map(files.map(({ name }) => [nameKey(name), join(folder, name)]));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (!entry.isDirectory() || path === leaveOut) continue;
    yield* foldersBelow(path, leaveOut);
  }
}

async function filesOf(folder: string): Promise<Map<string, string>> {
  const names = await readdir(folder).catch(() => []);
  return new Map(names.map((name) => [nameKey(name), join(folder, name)]));
}
