/** The sandbox: opens untrusted files of one scene under limits and is gone; what it writes is what everything else reads. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Problem } from '../../errors/problem.ts';
import type { OpenBytes } from '../../tiler/geotiff/byte-source.ts';
import type { InPlaceReport } from '../../tiler/ingest/describe-remote.ts';
import type { IngestReport, InspectReport } from '../../tiler/ingest/ingest.ts';
import type { SourceFile } from '../../tiler/ingest/mosaic.ts';
import { DEFAULT_UNZIP_LIMITS, type Unzipped } from '../../tiler/ingest/unzip.ts';
import { DEFAULT_INGEST_LIMITS } from '../../tiler/ingest/validate-source.ts';
import { onlyCards } from '../remote/reader.ts';
import { createRoom } from '../store/files/free-room.ts';
import { ChildCrash, type ChildOptions, runOnce, type TaskOptions } from './child-process.ts';

const ENTRY = fileURLToPath(new URL('./ingest-sandbox-entry.ts', import.meta.url));

/** What a file may take. Each can be set. */
export const SANDBOX_LIMITS = { ...DEFAULT_INGEST_LIMITS, wallMs: 30 * 60_000, memoryBytes: 2 * 2 ** 30 };
/** So that a scene four times as high takes as much memory: 397 MB instead of 394, where else it is 432 and 406. */
export const SANDBOX_YOUNG_MEGABYTES = 4;
/** Blocks of hundreds of bands: 428 MB instead of 510. */
const SANDBOX_RETURNED_BYTES = 16 << 20;
/** Less than any writer wants at a time. */
const LEAST_BYTES = 2 ** 20;
export type SandboxLimits = typeof SANDBOX_LIMITS;

/** Untrusted GeoTIFFs (one, or adjacent ones) with what lies beside them, and the CRS that the user gives. */
export interface SandboxSources {
  sources: readonly SourceFile[];
  srs?: string | undefined;
}

/** Sources → working COG at `workingPath`, and what was understood of them. Throws the file's problem. */
export function ingestInSandbox(
  { sources, srs }: SandboxSources,
  workingPath: string,
  options: TaskOptions<number>,
  limits: SandboxLimits = SANDBOX_LIMITS,
): Promise<IngestReport> {
  const child = sandbox(limits, { read: pathsOf(sources), write: [dirname(workingPath)] });
  const input = { sources, srs, workingPath, limits };
  return runOnce<IngestReport, number>(child, 'ingest', input, options).catch(blameRoom(dirname(workingPath)));
}

/** An image that is read in place, by its card → what was understood of it. Throws the file's problem. */
export function describeInSandbox(
  card: string,
  open: OpenBytes,
  options: TaskOptions<number>,
  limits: SandboxLimits = SANDBOX_LIMITS,
): Promise<InPlaceReport> {
  const child = { ...sandbox(limits, { read: [], write: [] }), remote: onlyCards([card], open) };
  return runOnce<InPlaceReport, number>(child, 'describe', { card, limits }, options).catch(blameFile);
}

/** Headers of sources; of one in place, its card's, which `open` reads. Throws the file's problem. */
export function inspectInSandbox(
  { sources, srs }: SandboxSources,
  open: OpenBytes | null = null,
  limits: SandboxLimits = SANDBOX_LIMITS,
): Promise<InspectReport> {
  const confined = sandbox(limits, { read: open ? [] : pathsOf(sources), write: [] });
  const child = open ? { ...confined, remote: onlyCards([sources[0].path], open) } : confined;
  return runOnce<InspectReport>(child, 'inspect', { sources, srs, limits }).catch(blameFile);
}

/** Untrusted ZIP archive → the GeoTIFFs in it and what lies beside them. Throws the archive's problem. */
export async function unzipInSandbox(
  path: string,
  folder: string,
  options: TaskOptions<never>,
  limits: SandboxLimits = SANDBOX_LIMITS,
): Promise<Unzipped> {
  await mkdir(folder, { recursive: true });
  const child = sandbox(limits, { read: [path], write: [folder] });
  const input = { path, folder, limits: DEFAULT_UNZIP_LIMITS };
  return runOnce<Unzipped>(child, 'unzip', input, options).catch(async (error) => {
    if (!(error instanceof ChildCrash)) throw error;
    await createRoom([folder], LEAST_BYTES).check();
    const detail = 'Unpacking the ZIP archive failed badly; it may be damaged. Pack it anew and send it again.';
    throw new Problem('damaged_archive', detail, { cause: error });
  });
}

/** Folders where there are many files: a command line holds so much. */
function pathsOf(sources: readonly SourceFile[]): string[] {
  if (sources.length > 1) return [...new Set(sources.map(({ path }) => dirname(path)))];
  return sources.flatMap(({ path, sidecars = {} }) => [path, ...Object.values(sidecars)]);
}

/** A reader that has died where there is no room left may have died of that. */
const blameRoom = (folder: string) => async (error: unknown) => {
  if (error instanceof ChildCrash) await createRoom([folder], LEAST_BYTES).check();
  return blameFile(error);
};

/** What makes a reader die is a file that was made or broken to do so. */
function blameFile(error: unknown): never {
  if (!(error instanceof ChildCrash)) throw error;
  throw new Problem('damaged_tiff', 'Reading the file failed badly; it may be damaged. Check it with gdalinfo.', {
    cause: error,
  });
}

function sandbox(limits: SandboxLimits, confine: { read: string[]; write: string[] }): ChildOptions {
  const { memoryBytes, wallMs } = limits;
  return {
    name: 'sandbox',
    entry: ENTRY,
    memoryBytes,
    wallMs,
    youngMegabytes: SANDBOX_YOUNG_MEGABYTES,
    returnedBytes: SANDBOX_RETURNED_BYTES,
    confine,
  };
}
