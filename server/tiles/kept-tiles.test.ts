/** Kept tiles are those that the database would give, go with their job, and are made again when damaged. */
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PMTiles } from 'pmtiles';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { testEngines } from '../../test/support/databases.ts';
import { addDoneJob, addScene, startService, type TestService } from '../../test/support/http-service.ts';
import { exportFormat, exportJob } from '../export/export.ts';
import { checkDeeply } from '../operations/deep-check.ts';
import { collectGarbage } from '../operations/garbage-collector.ts';
import type { Queryable } from '../store/database/database.ts';
import { type CheckedFileStore, checkedFileStore } from '../store/files/checked-files.ts';
import { localFileStore } from '../store/files/file-store.ts';
import { markStore } from '../store/files/open-file-store.ts';
import { getJob, type Job } from '../store/tables/jobs.ts';
import { getScene } from '../store/tables/scenes.ts';
import { usageOf } from '../store/tables/usage.ts';
import { createTileKeeper, keptFolder, type TileKeeper, tiledWithKept } from './kept-tiles.ts';
import { readTile, tileId, writeArchive } from './pmtiles-archive.ts';
import { packTile, tiledJob } from './tile-of-job.ts';
import { firstZoom, mercatorX, mercatorY, type TileAddress } from './web-mercator.ts';

/** Of the class map. */
const GSD_METRES = 0.2;
const LAST_KEPT_ZOOM = 15;

const SQUARES = Array.from({ length: 100 }, (_, i) => {
  const [x, y] = [200 * (i % 10), 200 * Math.floor(i / 10)];
  const ring = [[x, y], [x, y + 180], [x + 180, y + 180], [x + 180, y]] as [number, number][]; // biome-ignore format: short
  return { collection: 'landuse', class: 'water', rings: [ring] };
});

describe.each(testEngines())('kept tiles on $name', ({ open }) => {
  let opened: Awaited<ReturnType<typeof open>>;
  let service: TestService;
  let files: CheckedFileStore;
  let keeper: TileKeeper;
  let missing: string[];
  let job: Job;
  let tiles: TileAddress[];
  /** In the middle of the features. */
  let middle: TileAddress;

  beforeAll(async () => {
    opened = await open();
  });
  afterAll(() => opened.drop());
  beforeEach(async () => {
    const { db } = opened;
    const folder = await mkdtemp(join(tmpdir(), 'planimeter-'));
    await mkdir(join(folder, 'uploads'));
    files = checkedFileStore(localFileStore(folder), db);
    await markStore(db, files);
    keeper = createTileKeeper(db, files, 30);
    missing = [];
    const keepTiles = ({ id }: Job) => void missing.push(id);
    service = await startService(db, { uploadFolder: join(folder, 'uploads'), files, keepTiles });
    const scene = await addScene(db);
    const done = await addDoneJob(db, scene, SQUARES);
    await setReport(done.job, { counts: { landuse: 5000 }, model_grid: { gsd_m: GSD_METRES } });
    const [west, south, east, north] = (await getScene(db, scene))!.bbox!;
    const [x, y] = [mercatorX((west + east) / 2), mercatorY((south + north) / 2)];
    middle = { z: 15, x: Math.floor(x * 2 ** 15), y: Math.floor(y * 2 ** 15) };
    tiles = [];
    for (let z = firstZoom([west, south, east, north]); z <= LAST_KEPT_ZOOM; z++) {
      const at = (share: number) => Math.floor(share * 2 ** z);
      for (let y = at(mercatorY(north)) - 1; y <= at(mercatorY(south)); y++) {
        for (let x = at(mercatorX(west)) - 1; x <= at(mercatorX(east)); x++) tiles.push({ z, x, y });
      }
    }
  });
  afterEach(async () => {
    await keeper.stop();
    await service.close();
    await opened.db.query('DELETE FROM planimeter.scenes');
  });

  async function setReport(id: string, changes: object): Promise<void> {
    const sql = 'UPDATE planimeter.jobs SET report = report || $2::jsonb WHERE id = $1';
    await opened.db.query(sql, [id, JSON.stringify(changes)]);
    job = (await getJob(opened.db, id))!;
  }
  const keys = () => files.list(keptFolder(job.id));
  const served = async ({ z, x, y }: TileAddress) =>
    Buffer.from(await (await fetch(`${service.address}/tiles/${job.id}/${z}/${x}/${y}.mvt`)).arrayBuffer());
  /** A database that nothing is asked of. */
  const unasked: Queryable = {
    query: () => {
      throw new Error('the database was asked');
    },
  };

  test('are what the database would give, and are read without it', async () => {
    await keeper.keep(job);
    const kept = tiledWithKept(files, job, () => expect.unreachable());
    let drawn = 0;
    for (const tile of tiles) {
      const fresh = await packTile(opened.db, tiledJob(job), tile);
      expect(await packTile(unasked, kept, tile), `${tile.z}/${tile.x}/${tile.y}`).toEqual(fresh);
      if (fresh) drawn++;
    }
    expect(drawn).toBeGreaterThan(5);
    await expect(packTile(unasked, kept, { z: 16, x: middle.x * 2, y: middle.y * 2 })).rejects.toThrow();
    await expect(packTile(unasked, kept, tiles[0]!, true)).rejects.toThrow(); // whole is another tile
    await expect(packTile(unasked, kept, { z: 2, x: 2, y: 1 })).rejects.toThrow(); // before the first zoom
  });

  test('are asked for once they are missed, also by exports, and a tile is answered meanwhile', async () => {
    const bytes = await served(middle);
    expect(missing).toEqual([job.id]);
    await keeper.keep(job);
    expect(await served(middle)).toEqual(bytes);
    expect(missing).toEqual([job.id]);
    const asked: unknown[] = [];
    const watched: Queryable = {
      query: (sql, params, how) => {
        if (sql.includes('ST_AsBinary')) asked.push(params);
        return opened.db.query(sql, params, how);
      },
    };
    const path = join(service.folder, 'all.pmtiles');
    await exportJob(
      watched,
      tiledWithKept(files, job, () => {}),
      exportFormat(path)!,
      path,
    );
    const afterwards = asked.length;
    await exportJob(watched, tiledJob(job), exportFormat(path)!, `${path}.again.pmtiles`);
    expect(await readFile(path)).toEqual(await readFile(`${path}.again.pmtiles`));
    expect(asked.length - afterwards).toBeGreaterThan(afterwards);
  });

  test('count as stored, and go with their job', async () => {
    const before = (await usageOf(opened.db)).bytes;
    await Promise.all([keeper.keep(job), keeper.keep(job)]);
    const [{ bytes } = { bytes: 0 }] = await files.entries(keptFolder(job.id));
    expect((await usageOf(opened.db)).bytes - before).toBe(bytes);
    expect(bytes).toBeGreaterThan(0);
    expect((await fetch(`${service.address}/jobs/${job.id}`, { method: 'DELETE' })).status).toBe(204);
    expect(await keys()).toEqual([]);
  });

  test('that are damaged are found, never served, and made again', async () => {
    await keeper.keep(job);
    const [key] = (await keys()) as [string];
    const sound = await readFile(files.path(key));
    const bytes = await served(middle);
    await writeFile(files.path(key), sound.toReversed());
    const { damages } = await checkDeeply(opened.db, files);
    expect(damages.map(({ kind, name }) => [kind, name])).toEqual([['export', key]]);
    expect(await served(middle)).toEqual(bytes);
    expect([await keys(), missing]).toEqual([[], [job.id]]);
    await keeper.keep(job);
    expect(await readFile(files.path(key))).toEqual(sound);
    await appendFile(`${files.path(key)}.x.partial`, 'left by a process that died');
    const places = { db: opened.db, files, dataFolder: service.folder, uploadFolder: service.uploadFolder };
    const found = await collectGarbage(places, { graceMs: -60_000, dryRun: true });
    const ours = found.filter(({ why }) => why !== 'temporary'); // other programs run on this machine, too
    expect(ours).toMatchObject([{ why: 'leftover', name: `${key}.x.partial` }]);
  });

  test('of a job that was published again are not those of before', async () => {
    await keeper.keep(job);
    await opened.db.query('DELETE FROM planimeter.features');
    const old = await served(middle);
    expect(old.length).toBeGreaterThan(0);
    await opened.db.query('UPDATE planimeter.jobs SET finished_at = clock_timestamp() WHERE id = $1', [job.id]);
    expect(await served(middle)).toEqual(Buffer.alloc(0));
    expect(missing).toEqual([job.id]);
  });

  test('of few features, of a map of unknown scale and after the stop there are none', async () => {
    await setReport(job.id, { counts: { landuse: 4999 } });
    await keeper.keep(job);
    await served(tiles[0]!);
    expect([await keys(), missing]).toEqual([[], []]);
    await setReport(job.id, { counts: { landuse: 5000 } });
    await keeper.stop();
    await keeper.keep(job);
    expect(await keys()).toEqual([]);
  });
});

test('an archive of many tiles is read by us and by others', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-'));
  try {
    const path = join(folder, 'many.pmtiles');
    const all: TileAddress[] = Array.from({ length: 20_000 }, (_, i) => ({ z: 9, x: i % 200, y: Math.floor(i / 200) }));
    const textOf = ({ z, x, y }: TileAddress) => `${z}/${x}/${y}`.padEnd(20 + ((x * x * 7919 + y * 31 * x) % 997), '.');
    async function* written() {
      for (const tile of all.sort((a, b) => tileId(a) - tileId(b))) yield { tile, bytes: Buffer.from(textOf(tile)) };
    }
    await writeArchive(path, written(), { metadata: {}, bbox: [0, 0, 1, 1], zooms: [9, 9] });
    const bytes = await readFile(path);
    const others = new PMTiles({
      getKey: () => path,
      getBytes: async (at, length) => ({ data: Uint8Array.from(bytes.subarray(at, at + length)).buffer }),
    });
    expect((await others.getHeader()).leafDirectoryLength).toBeGreaterThan(0);
    for (const tile of all.filter((_, i) => i % 501 === 0)) {
      expect((await readTile(path, tile))!.toString()).toBe(textOf(tile));
    }
    expect(await readTile(path, { z: 9, x: 201, y: 0 })).toBeNull();
    expect(await readTile(path, { z: 10, x: 0, y: 0 })).toBeNull();
    expect(await readTile(path, { z: 8, x: 0, y: 0 })).toBeUndefined();
  } finally {
    await rm(folder, { recursive: true });
  }
});
