/** What the sandbox process does. */
import { describeInPlace } from '../../tiler/ingest/describe-remote.ts';
import { ingest, inspect } from '../../tiler/ingest/ingest.ts';
import type { SourceFile } from '../../tiler/ingest/mosaic.ts';
import { type UnzipLimits, unzip } from '../../tiler/ingest/unzip.ts';
import type { IngestLimits } from '../../tiler/ingest/validate-source.ts';
import { answerTasks } from './answer-tasks.ts';

interface Input {
  sources: SourceFile[];
  srs: string | undefined;
  workingPath: string;
  limits: IngestLimits;
}

interface Archive {
  path: string;
  folder: string;
  limits: UnzipLimits;
}

answerTasks({
  describe: ({ card, limits }: { card: string; limits: IngestLimits }, { progress }) =>
    describeInPlace(card, limits, progress),
  ingest: ({ sources, srs, workingPath, limits }: Input, { progress }) =>
    ingest(sources, workingPath, limits, progress, { srs }),
  inspect: ({ sources, srs, limits }: Input) => inspect(sources, limits, { srs }),
  unzip: ({ path, folder, limits }: Archive) => unzip(path, folder, limits),
});
