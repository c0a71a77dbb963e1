/**
 * Storing: the features of a generated town → rows of the database, on both engines: processor seconds here and in the
 * server, beside psql's COPY of the finished rows into a table like it, which computes nothing. Run: node bench/store.ts
 * [SIDE of the town, pixels]
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { placingOf } from '../server/pipeline/place-shapes.ts';
import { intoDatabase, storeFeatures } from '../server/pipeline/store-features.ts';
import type { Database } from '../server/store/database/database.ts';
import { beginStoring } from '../server/store/tables/features.ts';
import { insertJob } from '../server/store/tables/jobs.ts';
import { insertScene } from '../server/store/tables/scenes.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { setup, testEngines } from '../test/support/databases.ts';
import { vectorizeMap } from '../test/support/features-of-map.ts';
import { openRaster } from '../tiler/geotiff/raster.ts';

const SIDE = Number(process.argv[2] ?? 4096);
const EPSG = 32633;
const ROUNDS = 2;
const CHORD_METRES = 0.125;
const TICKS_A_SECOND = 100;

const folder = await mkdtemp(join(tmpdir(), 'planimeter-store-'));
const stopCluster = await setup();
try {
  const { truth } = await writeTown(folder, { seed: 5, width: SIDE, height: SIDE, gsdMetres: 1 });
  const featuresPath = join(folder, 'features.bin');
  await vectorizeMap({
    ...{ classesPath: truth, scoresPath: null, featuresPath, pixelMetres: { x: 1, y: 1 } },
    ...{ minAreaM2: 10, toleranceMetres: 0.5, codes: { building: 1, road: 2, water: 4 } },
  });
  const map = await openRaster(truth);
  await map.close();
  for (const { name, open } of testEngines()) {
    const { db, url, drop } = await open();
    const serverSeconds = async () => (url ? await backendSeconds(db) : 0);
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < ROUNDS; round++) {
      const id = `round ${round}`;
      await insertScene(db, { id, name: id, upload: null, sha256: id, bytes: 1 });
      await insertJob(db, { id, scene: id, model: 'none', parameters: {} });
      const turn = await beginStoring(db, id);
      const [here, there] = [ownSeconds(), await serverSeconds()];
      const placing = await placingOf(db, { ...map, epsg: EPSG }, CHORD_METRES);
      const job = { id, turn, epsg: EPSG, classNames: new Map(), placing };
      await storeFeatures(intoDatabase(db), job, featuresPath, new AbortController().signal);
      const [own, server] = [ownSeconds() - here, (await serverSeconds()) - there];
      best = Math.min(best, own + server);
      console.log(`${name}: ${own.toFixed(2)} s here, ${server.toFixed(2)} s in the server`);
    }
    if (url) {
      const peer = copyAgain(url, join(folder, 'rows'));
      console.log(
        `COPY of the same rows: ${peer.toFixed(2)} s in the server; ours takes ${(best / peer).toFixed(2)} times that`,
      );
    }
    await drop();
  }
} finally {
  await stopCluster();
  await rm(folder, { recursive: true });
}
process.exit();

function ownSeconds(): number {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  return (userCPUTime + systemCPUTime) / 1e6;
}

/** Processor seconds of all backends of the database so far; those that ended are not among them. */
async function backendSeconds(db: Database): Promise<number> {
  const rows = await db.query<{ pid: number }>(
    'SELECT pid FROM pg_stat_activity WHERE datname = current_database() ORDER BY pid',
  );
  return (await Promise.all(rows.map(({ pid }) => processSeconds(pid)))).reduce((sum, each) => sum + each, 0);
}

async function processSeconds(pid: number): Promise<number> {
  const [, fields] = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ');
  const [user, system] = fields!.split(' ').slice(11, 13).map(Number);
  return (user! + system!) / TICKS_A_SECOND;
}

/** Processor seconds of psql's backend while it copies the first job's rows, which lie in a file, into a table like theirs. */
function copyAgain(url: string, path: string): number {
  const spent = `\\! awk '{print "ticks", $14 + $15}' /proc/$BACKEND/stat`;
  const script = [
    'CREATE TABLE planimeter.again (LIKE planimeter.features INCLUDING ALL);',
    `\\copy (SELECT * FROM planimeter.features WHERE job = (SELECT min(job) FROM planimeter.features)) TO '${path}' WITH (FORMAT binary)`,
    'SELECT pg_backend_pid() AS pid \\gset',
    '\\setenv BACKEND :pid',
    spent,
    `\\copy planimeter.again FROM '${path}' WITH (FORMAT binary)`,
    spent,
  ].join('\n');
  const { stdout, stderr } = spawnSync('psql', ['-d', url, '-q', '-v', 'ON_ERROR_STOP=1'], {
    input: script,
    encoding: 'utf8',
  });
  const [before, after] = [...stdout.matchAll(/ticks (\d+)/g)].map(([, ticks]) => Number(ticks));
  if (after === undefined) throw new Error(`psql: ${stderr || 'is not there'}`);
  return (after - before!) / TICKS_A_SECOND;
}
