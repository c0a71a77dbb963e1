/** A finished job's features → a file beside its maps, written on first request and kept until a feature is reviewed. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Request } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { shorten } from '../../api/schema.ts';
import { type ExportFormat, exportJob, type Wanted } from '../../export/export.ts';
import type { Queryable } from '../../store/database/database.ts';
import { type FileStore, fetchIfThere } from '../../store/files/file-store.ts';
import type { Job } from '../../store/tables/jobs.ts';
import { countReviews } from '../../store/tables/reviews.ts';
import { noteJobBytes } from '../../store/tables/usage.ts';
import { tiledWithKept } from '../../tiles/kept-tiles.ts';
import { databaseOf } from '../core/caller.ts';

/**
 * Path of an export of what a filter leaves, which is somebody's own: it is written for this request, and gone after it.
 */
export async function exportFiltered(
  request: Request,
  files: FileStore,
  job: Job,
  format: ExportFormat,
  wanted: Wanted,
): Promise<string> {
  const path = files.path(`jobs/${job.id}/filtered/${randomUUID()}${format.ending}`);
  await mkdir(dirname(path), { recursive: true });
  const gone = new AbortController();
  request.res!.once('close', () => {
    gone.abort(new Problem('conflict', 'Nobody waits for the file any more.'));
    void rm(path, { force: true });
  });
  await exportJob(
    whileWanted(databaseOf(request), gone.signal),
    tiledWithKept(files, job, () => {}),
    format,
    path,
    wanted,
  );
  if (gone.signal.aborted) await rm(path, { force: true });
  return path;
}

/** A file that is being written, and how many requests wait for it. */
interface Writing {
  path: Promise<string>;
  waiting: number;
  abandon: AbortController;
}

const underWay = new Map<string, Writing>();

/**
 * Path of a job's export. Requests that come while it is written wait for it; when all of them have gone away, it is
 * written no further, and nothing of it is left.
 */
export async function exportOnce(
  request: Request,
  files: FileStore,
  job: Job,
  format: ExportFormat,
  { collection, review, none = false }: Wanted = {},
): Promise<string> {
  if (collection !== undefined && !/^[\w-]{1,100}$/.test(collection)) {
    throw new Problem('not_found', `There is no collection "${shorten(collection)}".`);
  }
  const { id, report } = job;
  const db = databaseOf(request);
  // What was said of features since is not in a file that was written before.
  const reviews = await countReviews(db, id);
  const which = `${collection ?? 'all'}${none ? '-none' : ''}${review ? `-${review}` : ''}${reviews > 0 ? `-${reviews}` : ''}`;
  const key = `jobs/${id}/exports/${which}${creditOf(report)}${format.ending}`;
  const write = async (signal: AbortSignal) => {
    const there = await fetchIfThere(files, key).catch(async (error) => {
      if (!(error instanceof Problem && error.code === 'damaged')) throw error;
      await files.remove(key);
      return null;
    });
    if (there !== null) return there;
    const path = files.path(key);
    await mkdir(dirname(path), { recursive: true });
    const tiled = tiledWithKept(files, job, () => {});
    await exportJob(whileWanted(db, signal), tiled, format, path, { collection, review, none });
    await files.put(key);
    await noteJobBytes(db, files, id);
    return files.fetch(key);
  };
  while (underWay.get(key)?.abandon.signal.aborted) await underWay.get(key)!.path.catch(() => {});
  const writing = underWay.get(key) ?? begin(key, write);
  const leave = () => {
    if (--writing.waiting === 0) writing.abandon.abort(new Problem('conflict', 'Nobody waits for the file any more.'));
  };
  const response = request.res!;
  writing.waiting++;
  response.once('close', leave);
  try {
    return await writing.path;
  } finally {
    response.off('close', leave);
  }
}

/** What is written names the source as it was said last: of other words other files. */
function creditOf(report: Job['report']): string {
  const said = [report?.scene_license, report?.scene_attribution];
  if (said.every((text) => text === undefined)) return '';
  return `-${createHash('sha256').update(JSON.stringify(said)).digest('hex').slice(0, 8)}`;
}

function begin(key: string, write: (signal: AbortSignal) => Promise<string>): Writing {
  const abandon = new AbortController();
  const path = write(abandon.signal).finally(() => underWay.delete(key));
  const writing = { path, waiting: 0, abandon };
  underWay.set(key, writing);
  return writing;
}

/** Statements that take as long as they take, page by page, until nobody wants their rows. */
const whileWanted = (q: Queryable, signal: AbortSignal): Queryable => ({
  query: async (sql, params, how) => {
    signal.throwIfAborted();
    return q.query(sql, params, { ...how, unlimited: true });
  },
});
