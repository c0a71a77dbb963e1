/** What the sandbox process does. */
import { type IngestLimits, ingest, inspect } from '../../tiler/ingest.ts';
import { answerTasks } from './child.ts';

interface Input {
  sourcePath: string;
  workingPath: string;
  limits: IngestLimits;
}

answerTasks({
  ingest: ({ sourcePath, workingPath, limits }: Input, { progress }) =>
    ingest(sourcePath, workingPath, limits, progress),
  inspect: ({ sourcePath, limits }: Input) => inspect(sourcePath, limits),
});
