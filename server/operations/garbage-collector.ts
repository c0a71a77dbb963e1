/**
 * Finds and removes what nothing refers to: files of scenes and jobs that the database does not know, what jobs leave that
 * were killed, uploads that nobody goes on with, folders of processes that died.
 *
 * Nothing is touched that was written within the grace period, so an upload or a job under way is safe; nor what is older
 * than the database, for that belongs to another one: whoever gives the service a wrong database loses nothing. Of
 * scenes and jobs that the database does not know the service itself removes those alone that it was told to delete: the
 * database may be an older one, from a backup.
 */
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { log } from '../log.ts';
import type { Queryable } from '../store/database/database.ts';
import type { FileStore, StoredFile } from '../store/files/file-store.ts';
import { checkStore } from '../store/files/open-file-store.ts';

/** How long a thing must have been left alone. */
export const GRACE_MS = 24 * 3600_000;
/** How long an upload is kept that nobody goes on with, as server/http/native/uploads.ts does. */
const UPLOAD_GRACE_MS = 7 * 24 * 3600_000;
const INTERVAL_MS = 3600_000;

export interface Places {
  db: Queryable;
  files: FileStore;
  /** Of this process: what S3 files are written in and copied to lies below it. */
  dataFolder: string;
  /** Where uploads arrive. */
  uploadFolder: string;
  /** Of the machine; the system's by default. */
  temporaryFolder?: string;
}

export interface GarbageOptions {
  graceMs?: number;
  dryRun?: boolean;
  /** Whether scenes and jobs go that the database does not know and nobody has deleted; by default they do. */
  unknown?: boolean;
  nowMs?: number;
}

export interface CollectedGarbage {
  /** Why nothing refers to it. */
  why: 'unknown_scene' | 'unknown_job' | 'leftover' | 'left_upload' | 'open_multipart' | 'scratch' | 'temporary';
  name: string;
  bytes: number;
}

/** Returns what was removed or, in a dry run, would be. Throws Problem store_mismatch where store and database differ. */
export async function collectGarbage(places: Places, options: GarbageOptions = {}): Promise<CollectedGarbage[]> {
  const { graceMs = GRACE_MS, dryRun = false, unknown = true, nowMs = Date.now() } = options;
  const { db, files } = places;
  await checkStore(db, files);
  const bornMs = await databaseBorn(db);
  const reaped: CollectedGarbage[] = [];
  const take = async (found: CollectedGarbage, remove: () => Promise<unknown>) => {
    if (!dryRun) await remove();
    reaped.push(found);
  };
  const old = (modifiedMs: number) => modifiedMs < nowMs - graceMs;
  // First the files, then the rows: what is stored between the two looks has its row in the second.
  const scenes = byOwner(await files.entries('scenes'));
  const jobs = byOwner(await files.entries('jobs'));
  const states = await knownStates(db);
  const removable = (id: string) => unknown || states.deleted.has(id);
  const kept: string[] = [];

  for (const [kind, owners] of [['scene', scenes] as const, ['job', jobs] as const]) {
    for (const [id, group] of owners) {
      const newestMs = Math.max(...group.map(({ modifiedMs }) => modifiedMs));
      const known = states[kind].has(id);
      if (!known && old(newestMs) && newestMs >= bornMs) {
        const name = `${kind}s/${id}`;
        if (!removable(id)) kept.push(name);
        else await take({ why: `unknown_${kind}`, name, bytes: sum(group) }, () => files.remove(name));
      }
      const leftovers = known && states.ended.has(id) && old(newestMs) ? group.filter(isLeftover) : [];
      for (const { key, bytes } of leftovers) {
        await take({ why: 'leftover', name: key, bytes }, () => files.remove(key));
      }
    }
  }
  if (kept.length > 0) {
    const what = `the store holds ${kept.length} scenes and jobs that this database does not know`;
    log.warn(`${what}; they are kept: "planimeter reap" removes them`, { first: kept[0] });
  }
  for (const upload of (await files.unfinished?.()) ?? []) {
    if (!old(upload.startedMs)) continue;
    await take({ why: 'open_multipart', name: upload.key, bytes: 0 }, () => files.abandon!(upload));
  }
  for (const found of await leftUploads(places.uploadFolder, nowMs - Math.max(graceMs, UPLOAD_GRACE_MS))) {
    await take(found, () => rm(found.name, { recursive: true, force: true }));
  }
  for (const found of await leftOnThisMachine(places, states, removable, old)) {
    await take(found, () => rm(found.name, { recursive: true, force: true }));
  }
  return reaped;
}

/** Reaps now and every hour; returns what ends it. What is removed is logged, and so is what fails. */
export function startGarbageCollector(places: Places): { stop(): Promise<void> } {
  let running = Promise.resolve();
  const run = () => {
    running = running.then(async () => {
      try {
        const reaped = await collectGarbage(places, { unknown: false });
        for (const { why, name, bytes } of reaped) log.info(`removed ${name}: nothing refers to it`, { why, bytes });
      } catch (error) {
        log.error('collecting garbage failed', { error });
      }
    });
  };
  run();
  const timer = setInterval(run, INTERVAL_MS);
  timer.unref();
  return {
    stop() {
      clearInterval(timer);
      return running;
    },
  };
}

interface States {
  scene: Set<string>;
  job: Set<string>;
  /** Scenes and jobs on which nobody works. */
  ended: Set<string>;
  /** Scenes and jobs that somebody has deleted. */
  deleted: Set<string>;
}

async function knownStates(db: Queryable): Promise<States> {
  const [scenes, jobs] = await Promise.all(
    ['scenes', 'jobs'].map((table) =>
      db.query<{ id: string; state: string }>(`SELECT id, state FROM planimeter.${table}`),
    ),
  );
  const deleted = await db.query<{ id: string }>(
    `SELECT subject AS id FROM planimeter.audit WHERE action IN ('scene_deleted', 'job_deleted')`,
  );
  const ids = (rows: { id: string }[] = []) => new Set(rows.map(({ id }) => id));
  const ended = (jobs ?? []).filter(({ state }) => ['done', 'failed', 'cancelled'].includes(state));
  return { scene: ids(scenes), job: ids(jobs), ended: ids(ended), deleted: ids(deleted) };
}

async function databaseBorn(db: Queryable): Promise<number> {
  const [row] = await db.query<{ born: string }>('SELECT min(applied_at) AS born FROM planimeter.migrations');
  return Date.parse(row!.born);
}

/** `scenes/ID/…` and `jobs/ID/…` by ID. */
function byOwner(entries: readonly StoredFile[]): Map<string, StoredFile[]> {
  return Map.groupBy(entries, ({ key }) => key.split('/')[1]!);
}

/** What a job keeps while it runs, and exports while they are written. */
const isLeftover = ({ key }: StoredFile): boolean =>
  /^jobs\/[^/]+\/((spool|shards|strips)\/|features\.(bin|ndjson)$|planes\.tif$|(exports|tiles)\/.*\.partial)/.test(key);

async function leftUploads(folder: string, beforeMs: number): Promise<CollectedGarbage[]> {
  const left: CollectedGarbage[] = [];
  for (const { path, bytes, newestMs } of await foldersOf(folder)) {
    if (newestMs < beforeMs && !(await isWhole(path, bytes))) left.push({ why: 'left_upload', name: path, bytes });
  }
  return left;
}

/**
 * An upload, or what is noted of it, that arrived whole and is no scene yet: the service makes it one when it starts. So
 * may be bytes of which nothing is noted any more.
 */
async function isWhole(path: string, bytes: number): Promise<boolean> {
  const data = path.replace(/\.json$/, '');
  const info = await readFile(`${data}.json`, 'utf8').then(
    (text) => JSON.parse(text) as { size?: number; sha256?: string; done?: boolean },
    () => null,
  );
  if (!info) return bytes > 0;
  if (info.done) return false;
  const size = await stat(data).then(
    (state) => state.size,
    () => null,
  );
  return info.sha256 !== undefined || size === info.size;
}

const sum = (group: readonly { bytes: number }[]): number => group.reduce((total, { bytes }) => total + bytes, 0);

/** As `mkdtemp` names them for this program, in the folder of the system: no name that somebody would give to data. */
const TEMPORARY = /^planimeter-(tmp|halos|cache)-[A-Za-z0-9]{6}$/;

/** Of S3's scratch and cache what belongs to no scene and no unfinished job; temporary folders of processes that died. */
async function leftOnThisMachine(
  { dataFolder, temporaryFolder = tmpdir() }: Places,
  states: States,
  removable: (id: string) => boolean,
  old: (modifiedMs: number) => boolean,
): Promise<CollectedGarbage[]> {
  const reaped: CollectedGarbage[] = [];
  for (const part of ['scratch', 'cache']) {
    for (const kind of ['scene', 'job'] as const) {
      for (const { path, name, bytes, newestMs } of await foldersOf(join(dataFolder, 'store', part, `${kind}s`))) {
        const wanted = states[kind].has(name) && (part === 'cache' || !states.ended.has(name));
        const copy = part === 'cache' || states[kind].has(name) || removable(name);
        if (!wanted && copy && old(newestMs)) reaped.push({ why: 'scratch', name: path, bytes });
      }
    }
  }
  for (const { path, bytes, newestMs } of await foldersOf(temporaryFolder, TEMPORARY)) {
    if (old(newestMs)) reaped.push({ why: 'temporary', name: path, bytes });
  }
  return reaped;
}

/** What lies in a folder, with all that is below it; none where there is no such folder. */
async function foldersOf(folder: string, pattern = /./) {
  const names = await readdir(folder).catch(() => []);
  const found: { path: string; name: string; bytes: number; newestMs: number }[] = [];
  for (const name of names.filter((each) => pattern.test(each))) {
    const path = join(folder, name);
    const below = await readdir(path, { recursive: true }).catch(() => []);
    const states = await Promise.all(['', ...below].map((each) => stat(join(path, each)).catch(() => null)));
    const there = states.filter((state) => state !== null);
    if (there.length === 0) continue;
    const bytes = there.reduce((total, state) => total + (state.isFile() ? state.size : 0), 0);
    found.push({ path, name, bytes, newestMs: Math.max(...there.map(({ mtimeMs }) => mtimeMs)) });
  }
  return found;
}
