/** Detection with a user's network, in a process that reads the scene and the network and writes the job's folder. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OpenBytes } from '../../tiler/geotiff/byte-source.ts';
import { onlyCards } from '../remote/reader.ts';
import type { DetectionReport, DetectObjectsRequest } from '../tracing/detect-objects.ts';
import { runOnce, type TaskOptions } from './child-process.ts';
import { COMPUTE_MEMORY_BYTES, chipLimitMs } from './compute.ts';

const ENTRY = fileURLToPath(new URL('./detect-entry.ts', import.meta.url));

/** Progress in chips. `remote`: reads an image in place. */
export function detectConfined(
  request: DetectObjectsRequest,
  options: TaskOptions<number>,
  remote?: OpenBytes,
): Promise<DetectionReport> {
  const confine = { read: [request.workingPath, request.network.modelPath], write: [dirname(request.featuresPath)] };
  return runOnce<DetectionReport, number>(
    {
      name: 'detect',
      entry: ENTRY,
      memoryBytes: COMPUTE_MEMORY_BYTES,
      confine,
      ...(remote && { remote: onlyCards([request.workingPath], remote) }),
    },
    'detect',
    request,
    { ...options, stillMs: chipLimitMs(process.env) },
  );
}
