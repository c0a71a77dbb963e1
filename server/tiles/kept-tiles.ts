/**
 * Tiles that show much of a large job at once are packed once, when it has ended or when one is first asked for, and lie
 * beside its maps as an archive. They show what the job published last: all of it, to whomever it is shown.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Problem } from '../../errors/problem.ts';
import { log } from '../log.ts';
import type { Database, Queryable } from '../store/database/database.ts';
import { type FileStore, fetchIfThere } from '../store/files/file-store.ts';
import { featureTables } from '../store/tables/feature-tables.ts';
import type { Job } from '../store/tables/jobs.ts';
import { getScene } from '../store/tables/scenes.ts';
import { noteJobBytes } from '../store/tables/usage.ts';
import { readTile, writeArchive } from './pmtiles-archive.ts';
import { boxAround, packTiles } from './pyramid.ts';
import { pixelMetresOf, type TiledJob, tiledJob } from './tile-of-job.ts';
import { firstZoom, type TileAddress } from './web-mercator.ts';

/** Tiles are kept whose screen pixels are at least as wide as so many of the class map: that hold 4096 of them a side. */
const KEPT_PIXELS = 8;
/** All that fewer features have is drawn as fast as it is read. */
const LEAST_FEATURES = 5000;

/** Of all tiles of a job that are kept; another one each time that it is published. */
const keyOf = ({ id, finished_at }: Job): string => `${keptFolder(id)}/${Date.parse(finished_at!)}.pmtiles`;

export const keptFolder = (job: string): string => `jobs/${job}/tiles`;

function isKept({ gsdMetres }: TiledJob, tile: TileAddress): boolean {
  return gsdMetres !== null && pixelMetresOf(tile) >= KEPT_PIXELS * gsdMetres;
}

function keepsTiles({ state, report }: Job): boolean {
  const features = Object.values(report?.counts ?? {}).reduce((sum, count) => sum + count, 0);
  return state === 'done' && features >= LEAST_FEATURES;
}

/** A job whose tiles are read where they are kept; `missing` is called where they are to be and are not. */
export function tiledWithKept(files: FileStore, job: Job, missing: (job: Job) => void): TiledJob {
  const tiled = tiledJob(job);
  if (!keepsTiles(job)) return tiled;
  const key = keyOf(job);
  return {
    ...tiled,
    async kept(tile) {
      if (!isKept(tiled, tile)) return undefined;
      const path = await fetchIfThere(files, key).catch(async (error) => {
        if (!(error instanceof Problem && error.code === 'damaged')) throw error;
        await files.remove(key);
        return null;
      });
      if (path === null) missing(job);
      return path === null ? undefined : readTile(path, tile);
    },
  };
}

export interface TileKeeper {
  /** Packs what is to be kept of a job and is not; it never fails: tiles can be had without. One job at a time. */
  keep(job: Job): Promise<void>;
  /** Packs no more; resolves when it has stopped. */
  stop(): Promise<void>;
}

/** @param statementSeconds after which a statement is given up, and the job's tiles with it */
export function createTileKeeper(db: Database, files: FileStore, statementSeconds: number): TileKeeper {
  const stopping = new AbortController();
  /** By key; those that failed stay, and are not tried again. */
  const begun = new Map<string, Promise<void>>();
  let last = Promise.resolve();
  return {
    keep(job) {
      if (!keepsTiles(job) || stopping.signal.aborted) return Promise.resolve();
      const key = keyOf(job);
      const known = begun.get(key);
      if (known) return known;
      const done = last.then(async () => {
        try {
          await writeKept(db, files, job, statementSeconds, stopping.signal);
          begun.delete(key);
        } catch (error) {
          if (!stopping.signal.aborted) log.warn('the tiles of a job were not kept', { job: job.id, error });
        }
      });
      begun.set(key, done);
      last = done;
      return done;
    },
    stop() {
      stopping.abort();
      return last;
    },
  };
}

async function writeKept(db: Database, files: FileStore, job: Job, statementSeconds: number, signal: AbortSignal) {
  signal.throwIfAborted();
  const key = keyOf(job);
  const [tables, scene] = await Promise.all([featureTables(db, job.id), getScene(db, job.scene)]);
  const bbox = boxAround((tables ?? []).map((table) => table.bbox));
  if (!bbox || !scene?.bbox || (await fetchIfThere(files, key).catch(() => null)) !== null) return;
  const path = files.path(key);
  const partial = `${path}.${randomUUID()}.partial`; // of this process, where several have one folder
  const minZoom = Math.min(firstZoom(bbox), firstZoom(scene.bbox));
  const tiled = tiledJob(job);
  // Requests go first, and none waits for a statement without end.
  const asked = db.within(null, { statementSeconds, heavy: true });
  const q: Queryable = {
    query: async (...statement) => {
      signal.throwIfAborted();
      return asked.query(...statement);
    },
  };
  const tiles = packTiles(q, tiled, bbox, minZoom, (tile) => (isKept(tiled, tile) ? 'drawn' : null));
  await mkdir(dirname(path), { recursive: true });
  try {
    await writeArchive(partial, tiles, { metadata: {}, bbox, zooms: [minZoom, minZoom] });
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  await files.put(key);
  await noteJobBytes(db, files, job.id);
}
