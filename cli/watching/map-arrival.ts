/**
 * One image that has landed → its map and its report in the output folder. Both are made in a folder of their own; when
 * all is there, its last file says so, and they are moved. So wherever the process dies, the next one either maps the
 * image anew, with nothing of before to be seen, or moves what is there.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { Network } from '../../models/registry.ts';
import type { DeviceChoice } from '../../models/runtime/device.ts';
import type { ExportFormat } from '../../server/export/export.ts';
import type { JobParameters } from '../../server/pipeline/job-parameters.ts';
import type { WorkContext } from '../../server/queue/work-context.ts';
import type { FileStore } from '../../server/store/files/file-store.ts';
import type { MappingTools } from '../../server/tools.ts';
import { readyScene, sha256OfInputs } from '../inputs.ts';
import { mapToFile } from '../mapping/map-and-write.ts';
import { settleJob } from '../mapping/settle-job.ts';
import type { Arrival, Ledger, Mapped } from './ledger.ts';
import { IMAGE } from './watch-folder.ts';
import type { Found, Watched } from './watched.ts';

export interface Mapping {
  network: Network;
  given: JobParameters;
  device: DeviceChoice;
  format: ExportFormat;
  /** With its dot: `.zip` is the whole job. */
  ending: string;
  /** Where maps go. */
  output: string;
  /** Where they are made, on the same disk. */
  staging: string;
}

interface Staged {
  version: string;
  sha256: string;
  result: Mapped;
}

/** What came of it; null where the image is another one by now, or the one that was mapped before. */
export type Came = { sha256: string; result: Mapped; again: boolean } | null;

/** What is in the folder of an arrival when its map is complete. */
const STAGED = 'staged.json';

export async function mapArrival(
  tools: MappingTools,
  { watched, ledger }: { watched: Watched; ledger: Ledger },
  { arrival, found }: { arrival: Arrival; found: Found },
  mapping: Mapping,
  context: WorkContext,
): Promise<Came> {
  const { network, given, device, format, ending, output } = mapping;
  const staging = join(mapping.staging, String(arrival.seq));
  const staged = await readStaged(staging);
  if (staged?.version === arrival.version) return publish(staging, output, staged);
  await rm(staging, { recursive: true, force: true });

  await clear(tools.files);
  try {
    await mkdir(tools.files.path(FETCHED));
    const inputs = await found.read(tools.files.path(FETCHED));
    const sha256 = await sha256OfInputs(inputs);
    if (await watched.hasChanged(found)) return null;
    const before = ledger.mappedBefore(sha256);
    if (before && (await isThere(join(output, before.result!.output)))) {
      if (ledger.touched(arrival, sha256)) return null;
      return { sha256, result: before.result!, again: true };
    }
    const scene = await readyScene(tools, inputs, found.rights ?? {}, context, sha256);
    if (await watched.hasChanged(found)) return null;
    const job = await settleJob(tools, scene, { named: network, given, device, finestOnly: true });
    await mkdir(staging, { recursive: true });
    const wanted = { output: join(staging, `map${ending}`), format, collection: undefined, whole: ending === '.zip' };
    const { report } = await mapToFile(tools, job, wanted, context);
    await writeFile(join(staging, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
    const { counts, areas_m2 } = report;
    const name = await freeName(ledger, output, arrival.name, sha256, ending);
    const result = { output: name, job: job.id, model: network.id, counts, areas_m2 };
    const whole: Staged = { version: arrival.version, sha256, result };
    await writeFile(join(staging, `${STAGED}.new`), JSON.stringify(whole));
    for (const file of [`map${ending}`, 'report.json', `${STAGED}.new`]) await sync(join(staging, file));
    await rename(join(staging, `${STAGED}.new`), join(staging, STAGED));
    return await publish(staging, output, whole);
  } finally {
    await clear(tools.files);
    // The network's answers so far stay of what was interrupted, and the next process goes on with the chip it was at.
    if (!context.signal.aborted) await tools.files.remove(JOBS);
  }
}

/** What is fetched, and where jobs have their maps. */
const [FETCHED, JOBS] = ['fetched', 'jobs'];

/** All but what the network has answered. */
async function clear(files: FileStore): Promise<void> {
  const folder = dirname(files.path(JOBS));
  for (const name of await readdir(folder)) {
    if (name !== JOBS) await rm(join(folder, name), { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** When the ledger holds that it is mapped. */
export const forget = (mapping: Mapping, { seq }: Arrival): Promise<void> =>
  rm(join(mapping.staging, String(seq)), { recursive: true, force: true });

async function readStaged(staging: string): Promise<Staged | null> {
  try {
    return JSON.parse(await readFile(join(staging, STAGED), 'utf8'));
  } catch {
    return null;
  }
}

/** Moves what was not moved before. */
async function publish(staging: string, output: string, { sha256, result }: Staged): Promise<Came> {
  const target = join(output, result.output);
  await mkdir(dirname(target), { recursive: true });
  await moved(join(staging, `map${extname(target)}`), target);
  await moved(join(staging, 'report.json'), reportOf(target));
  return { sha256, result, again: false };
}

/** Beside the map. */
const reportOf = (map: string): string => join(dirname(map), `${basename(map, extname(map))}.report.json`);

async function moved(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

/** That of the image; with a part of its hash where another image's map, or somebody's file, has that name. */
async function freeName(ledger: Ledger, output: string, name: string, sha256: string, ending: string) {
  const stem = pathOf(name.replace(IMAGE, ''));
  const plain = stem + ending;
  return (await isThere(join(output, plain))) || ledger.isTaken(plain)
    ? `${stem}-${sha256.slice(0, 8)}${ending}`
    : plain;
}

/** Bytes of a part of a path, with room for an ending. */
const MOST_BYTES = 200;

/** A key of a bucket, or the id of an item, which may be anything → a path that stays below where it begins. */
export function pathOf(name: string): string {
  const parts = name.split(/[/\\]/).filter((part) => part !== '');
  const safe = parts.map((part) => {
    const shown = part.replace(/^\.+/, '_').replace(/[\p{Cc}\p{Bidi_Control}<>:"|?*]/gu, '_');
    return Buffer.byteLength(shown) > MOST_BYTES ? `${shown.slice(0, MOST_BYTES / 4)}_` : shown;
  });
  return safe.join('/') || '_';
}

/** So that a machine that loses its power has it, too. */
async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
