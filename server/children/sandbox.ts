/** The sandbox: opens one untrusted file under limits and is gone; what it writes is what everything else reads. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_INGEST_LIMITS, type IngestReport, type InspectReport } from '../../tiler/ingest.ts';
import { Problem } from '../../tiler/problem.ts';
import { ChildCrash, type ChildOptions, runOnce, type TaskOptions } from './child.ts';

const ENTRY = fileURLToPath(new URL('./sandbox-entry.ts', import.meta.url));

/** What a file may take. Each can be set. */
export const SANDBOX_LIMITS = { ...DEFAULT_INGEST_LIMITS, wallMs: 30 * 60_000, memoryBytes: 2 * 2 ** 30 };
export type SandboxLimits = typeof SANDBOX_LIMITS;

/** Untrusted GeoTIFF → working COG at `workingPath`, and what was understood of it. Throws the file's problem. */
export function ingestInSandbox(
  sourcePath: string,
  workingPath: string,
  options: TaskOptions<number>,
  limits: SandboxLimits = SANDBOX_LIMITS,
): Promise<IngestReport> {
  const child = sandbox(limits, { read: [sourcePath], write: [dirname(workingPath)] });
  return runOnce<IngestReport, number>(child, 'ingest', { sourcePath, workingPath, limits }, options).catch(blameFile);
}

/** Header of an untrusted GeoTIFF. Throws the file's problem. */
export function inspectInSandbox(sourcePath: string, limits: SandboxLimits = SANDBOX_LIMITS): Promise<InspectReport> {
  const child = sandbox(limits, { read: [sourcePath], write: [] });
  return runOnce<InspectReport>(child, 'inspect', { sourcePath, limits }).catch(blameFile);
}

/** What makes a reader die is a file that was made or broken to do so. */
function blameFile(error: unknown): never {
  if (!(error instanceof ChildCrash)) throw error;
  throw new Problem('damaged_tiff', 'Reading the file failed badly; it may be damaged. Check it with gdalinfo.', {
    cause: error,
  });
}

function sandbox(limits: SandboxLimits, confine: { read: string[]; write: string[] }): ChildOptions {
  return { entry: ENTRY, memoryBytes: limits.memoryBytes, wallMs: limits.wallMs, confine };
}
