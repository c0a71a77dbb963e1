/**
 * Features a second as GeoJSON: ours beside pygeoapi and beside the bare SQL that pg_featureserv would send, done by hand
 * (the floor), on the same PostGIS rows, the same requests and concurrency, one HTTP process each.
 * Beside the rates stands what a request costs in processor time, the service's and PostgreSQL's together.
 * All have answered some before they are measured: connections are open, and what they compile and keep is there.
 * Run: node bench/serve.ts [--features=50000] [--requests=1200] [--concurrency=8]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JobReport } from '../server/api/index.ts';
import type { Database } from '../server/store/database/database.ts';
import { insertFeatures, publishJob } from '../server/store/tables/features.ts';
import { insertJob } from '../server/store/tables/jobs.ts';
import { insertScene } from '../server/store/tables/scenes.ts';
import { setup, testEngines } from '../test/support/databases.ts';
import { pythonWith } from './python.ts';
import { answered, freePort, measure, measureInTurns, type Speed, speedText } from './requests.ts';
import { processOf, processorMilliseconds } from './serve/processor-time.ts';

const REQUIREMENTS = ['pygeoapi==0.21.0', 'psycopg2-binary==2.9.13', 'SQLAlchemy==2.0.58', 'GeoAlchemy2==0.20.0'];
const SERVER = ['gunicorn==27.0.1'];
const EPSG = 32640;
/** Of the field of buildings, in its CRS. */
const [WEST, NORTH] = [326_000, 2_784_000];
const SPACING_METRES = 20;
const PAGE = 100;
const WARM_UP = 200;

/** What pygeoapi and the floor read: the rows that we read, under a name of their own. */
const VIEW = `
  CREATE VIEW public.buildings AS
  SELECT features.id, class, score, area_m2, perimeter_m, properties, geom
    FROM planimeter.features JOIN planimeter.jobs ON jobs.key = features.job
   WHERE collection = 'buildings' AND level = 0 AND jobs.state = 'done'`;

const flag = (name: string, otherwise: number) =>
  Number(process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split('=')[1] ?? otherwise);
const count = flag('features', 50_000);
const requests = flag('requests', 1200);
const concurrency = flag('concurrency', 8);

const folder = await mkdtemp(join(tmpdir(), 'planimeter-serve-'));
const stopCluster = await setup();
const children: ChildProcess[] = [];
try {
  const engine = testEngines().find(({ name }) => name === 'postgresql');
  if (!engine) throw new Error('there is no PostgreSQL with PostGIS to measure on');
  const { db, url } = await engine.open();
  const ids = await fill(db);
  await db.execute(VIEW);
  await db.execute('ANALYZE');
  const [bounds] = await db.query<{ box: number[] }>(
    'SELECT ARRAY[ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e)] AS box FROM (SELECT ST_Extent(geom) AS e FROM public.buildings) t',
  );
  const [{ backend }] = (await db.query('SELECT pg_backend_pid() AS backend')) as [{ backend: number }];
  const server = processOf(backend)!.parent;
  await db.close();

  const ours = await startOurs(url!);
  const pygeoapi = await startPygeoapi(new URL(url!), bounds!.box);
  const floor = await startFloor(url!);
  const pids = children.map(({ pid }) => pid!);
  const kinds: [string, string[]][] = [
    [
      `items in a small box, ${PAGE} at most`,
      boxes(bounds!.box, 0.02).map((box) => `/items?bbox=${box}&limit=${PAGE}`),
    ],
    ['one item by its id', pick(ids, requests).map((id) => `/items/${id}`)],
    [`first ${PAGE} items`, Array.from({ length: requests }, () => `/items?limit=${PAGE}`)],
  ];
  console.log(`${count} buildings, ${requests} requests of a kind, ${concurrency} at a time`);
  for (const [kind, paths] of kinds) {
    const at = (address: string) => paths.map((path) => `${address}/collections/buildings${path}`);
    await agree(at(ours)[0], at(pygeoapi)[0]);
    for (const address of [ours, pygeoapi, floor]) await measure(at(address).slice(0, WARM_UP), concurrency);
    const [mine, peer] = await measureInTurns(at(ours), at(pygeoapi), concurrency);
    console.log(`${kind}: ours ${speedText(mine)}; pygeoapi ${speedText(peer)}; ${times(mine, peer)} as many`);
    const [again, bare] = await measureInTurns(at(ours), at(floor), concurrency);
    console.log(`${kind}: bare SQL over HTTP ${speedText(bare)}; ours ${times(again, bare)} as many`);
    const costs: string[] = [];
    for (const [i, [name, address]] of Object.entries({ ours, pygeoapi, 'bare SQL': floor }).entries()) {
      const before = processorMilliseconds([pids[i]!, server]);
      await measure(at(address), concurrency);
      costs.push(`${name} ${((processorMilliseconds([pids[i]!, server]) - before) / requests).toFixed(2)} ms`);
    }
    console.log(`${kind}: processor time a request: ${costs.join('; ')}`);
  }
} finally {
  for (const child of children) child.kill('SIGKILL');
  await stopCluster();
  await rm(folder, { recursive: true });
}
process.exit();

function times(mine: Speed, peer: Speed): string {
  return `${(mine.rate / peer.rate).toFixed(2)} times`;
}

/** A published job that found `count` L-shaped buildings in a square field; returns their ids. */
async function fill(db: Database): Promise<string[]> {
  const [scene, job] = [uuid('scene'), uuid('job')];
  await insertScene(db, { id: scene, name: 'field.tif', upload: null, sha256: '0'.repeat(64), bytes: 1 });
  await insertJob(db, { id: job, scene, model: 'landuse-unet', parameters: {} });
  const columns = Math.ceil(Math.sqrt(count));
  const rows = Array.from({ length: count }, (_, i) => ({
    id: uuid(`building ${i}`),
    ...{ collection: 'buildings', class: 'building', score: 0.5 + (i % 50) / 100 },
    wkb: building(WEST + (i % columns) * SPACING_METRES, NORTH - Math.floor(i / columns) * SPACING_METRES),
    properties: { regularized: true, orientation_deg: 0 },
  }));
  await insertFeatures(db, { id: job, epsg: EPSG }, rows);
  await publishJob(db, job, { job, scene, model: 'landuse-unet' } as JobReport);
  return rows.map(({ id }) => id);
}

function uuid(text: string): string {
  return createHash('md5')
    .update(text)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Little-endian WKB of a polygon of six corners. */
function building(x: number, y: number): Uint8Array {
  const corners = [0, 0, 12, 0, 12, 6, 6, 6, 6, 10, 0, 10, 0, 0];
  const bytes = Buffer.alloc(13 + corners.length * 8);
  bytes.writeUInt8(1, 0);
  bytes.writeUInt32LE(3, 1);
  bytes.writeUInt32LE(1, 5);
  bytes.writeUInt32LE(corners.length / 2, 9);
  for (const [i, offset] of corners.entries()) bytes.writeDoubleLE((i % 2 === 0 ? x : y) + offset, 13 + i * 8);
  return bytes;
}

function boxes([west, south, east, north]: number[], share: number): string[] {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const [width, height] = [(east - west) * share, (north - south) * share];
  return Array.from({ length: requests }, () => {
    const [x, y] = [west + random() * (east - west - width), south + random() * (north - south - height)];
    return [x, y, x + width, y + height].map((value) => value.toFixed(7)).join(',');
  });
}

function pick(ids: readonly string[], n: number): string[] {
  return Array.from({ length: n }, (_, i) => ids[(i * 7919) % ids.length]);
}

/** Both must give as many features. */
async function agree(...addresses: string[]): Promise<void> {
  const counts: number[] = [];
  for (const address of addresses) {
    const response = await fetch(address);
    if (!response.ok) throw new Error(`${address}: ${response.status} ${await response.text()}`);
    counts.push(((await response.json()) as { features?: unknown[] }).features?.length ?? 1);
  }
  if (new Set(counts).size > 1) throw new Error(`${addresses.join(' and ')} give ${counts.join(' and ')} features`);
}

async function startOurs(databaseUrl: string): Promise<string> {
  const port = await freePort();
  const program = fileURLToPath(new URL('../cli/planimeter.js', import.meta.url));
  const options = ['serve', '--port', String(port), '--data', join(folder, 'data')];
  start(process.execPath, [program, ...options], { DATABASE_URL: databaseUrl });
  return ready(`http://127.0.0.1:${port}`, '/health');
}

async function startPygeoapi(database: URL, bbox: readonly number[]): Promise<string> {
  const port = await freePort();
  const python = pythonWith('serve', [...REQUIREMENTS, ...SERVER]);
  const [config, openapi] = [join(folder, 'pygeoapi.json'), join(folder, 'openapi.json')];
  await writeFile(config, JSON.stringify(pygeoapiConfig(port, database, bbox)));
  await writeFile(openapi, '{"openapi": "3.0.2", "info": {"title": "bench", "version": "1"}, "paths": {}}');
  const options = [
    '--bind',
    `127.0.0.1:${port}`,
    '--workers',
    '1',
    '--threads',
    String(concurrency),
    '--keep-alive',
    '60',
  ];
  start(python, ['-m', 'gunicorn', ...options, 'pygeoapi.flask_app:APP'], {
    PYGEOAPI_CONFIG: config,
    PYGEOAPI_OPENAPI: openapi,
  });
  return ready(`http://127.0.0.1:${port}`, '/collections/buildings?f=json');
}

/** The least that a service could do: a pool of connections and the one statement, its text sent as it comes. */
async function startFloor(databaseUrl: string): Promise<string> {
  const port = await freePort();
  start(process.execPath, [fileURLToPath(new URL('./serve/floor.ts', import.meta.url)), databaseUrl, String(port)], {});
  return ready(`http://127.0.0.1:${port}`, '/');
}

function start(command: string, args: string[], env: NodeJS.ProcessEnv): void {
  const child = spawn(command, args, { cwd: folder, env: { ...process.env, ...env }, stdio: 'ignore' });
  children.push(child);
  once(child, 'error').then(([error]) => console.error(error));
}

async function ready(address: string, path: string): Promise<string> {
  await answered(address + path);
  return address;
}

function pygeoapiConfig(port: number, database: URL, bbox: readonly number[]) {
  const data = { host: database.hostname, port: Number(database.port), dbname: database.pathname.slice(1) };
  const text = { en: 'bench' };
  return {
    server: {
      bind: { host: '127.0.0.1', port },
      url: `http://127.0.0.1:${port}`,
      mimetype: 'application/json; charset=UTF-8',
      encoding: 'utf-8',
      languages: ['en'],
      limits: { default_items: PAGE, max_items: 10_000 },
      map: { url: 'http://127.0.0.1/', attribution: '' },
    },
    logging: { level: 'ERROR' },
    metadata: {
      identification: { title: text, description: text, keywords: { en: ['bench'] }, url: 'http://127.0.0.1' },
      license: { name: 'none' },
      provider: { name: 'none' },
      contact: { name: 'none' },
    },
    resources: {
      buildings: {
        type: 'collection',
        title: text,
        description: text,
        keywords: { en: ['buildings'] },
        extents: { spatial: { bbox, crs: 'http://www.opengis.net/def/crs/OGC/1.3/CRS84' } },
        providers: [
          {
            type: 'feature',
            name: 'PostgreSQL',
            data: { ...data, user: database.username, password: database.password, search_path: ['public'] },
            id_field: 'id',
            table: 'buildings',
            geom_field: 'geom',
          },
        ],
      },
    },
  };
}
