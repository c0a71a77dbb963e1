/**
 * A finished job's features as a file of each format, asked of the service: seconds, size, and the most memory that the
 * service has taken meanwhile, for 100,000 features and for ten times as many; that all are there say GDAL and pyarrow; GDAL also
 * writes what it writes from the GeoPackage (pyogrio), with its own seconds and memory.
 * Run: node bench/export.ts [--features=1000000] [--formats=gpkg,fgb]
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JobReport } from '../server/api/index.ts';
import { EXPORT_FORMATS } from '../server/export/export.ts';
import type { Database } from '../server/store/database/database.ts';
import { publishJob } from '../server/store/tables/features.ts';
import { insertJob } from '../server/store/tables/jobs.ts';
import { insertScene } from '../server/store/tables/scenes.ts';
import { setup, testEngines } from '../test/support/databases.ts';
import { pythonWith } from './python.ts';
import { answered, freePort } from './requests.ts';

const MB = 1e6;
const given = (name: string) => process.argv.find((each) => each.startsWith(`--${name}=`))?.split('=')[1];
const most = Number(given('features') ?? 1_000_000);
const wanted = given('formats')?.split(',');
const formats = EXPORT_FORMATS.filter(({ ending }) => wanted?.includes(ending.slice(1)) ?? true);

/** Shapes in degrees from a corner, and their share of the features: areas of many corners, ways, and buildings. */
const KINDS = [
  { collection: 'landuse', class: 'vegetation', share: 0.2, shape: 'ST_Buffer(ST_MakePoint(6e-5, 6e-5), 6e-5)' },
  {
    ...{ collection: 'roads', class: 'road', share: 0.05 },
    shape: `ST_GeomFromText('LINESTRING(0 0,3e-5 1e-5,6e-5 3e-5,9e-5 3e-5,12e-5 6e-5,14e-5 9e-5,16e-5 15e-5)')`,
  },
  {
    ...{ collection: 'buildings', class: 'building', share: 0.75 },
    shape: `ST_GeomFromText('POLYGON((0 0,12e-5 0,12e-5 6e-5,6e-5 6e-5,6e-5 10e-5,0 10e-5,0 0))')`,
  },
];
const SPACING_DEGREES = 2e-4;

/** Features of all layers, read one after the other; of tiles, which have pieces of them, the layers. */
const COUNT = `
import json, sys
import pyogrio
path, pieces = json.load(sys.stdin)
if path.endswith('.parquet'):
  import pyarrow.parquet
  print(pyarrow.parquet.ParquetFile(path).metadata.num_rows)
  sys.exit()
name = ('/vsizip/' if path.endswith('.zip') else '') + path
layers = [layer for layer, _ in pyogrio.list_layers(name)]
if pieces: print(json.dumps(len(layers)))
else: print(json.dumps(sum(pyogrio.read_info(name, layer=layer, force_feature_count=True)['features'] for layer in layers)))
`;
/** GDAL writes what it has read from our GeoPackage, whole layers at a time. */
const PEER = `
import json, os, resource, sys, time
import pyogrio
source, target, driver = json.load(sys.stdin)
started = time.time()
for layer, _ in pyogrio.list_layers(source):
  meta, _, geometry, fields = pyogrio.raw.read(source, layer=layer)
  path = target if driver == 'GPKG' else target.replace('LAYER', layer)
  pyogrio.raw.write(path, geometry, fields, meta['fields'], layer=layer, driver=driver, geometry_type=meta['geometry_type'], crs=meta['crs'])
print(json.dumps([time.time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]))
`;
const DRIVERS: Readonly<Record<string, string>> = {
  '.geojson': 'GeoJSON',
  '.gpkg': 'GPKG',
  '.fgb': 'FlatGeobuf',
};

const folder = await mkdtemp(join(tmpdir(), 'planimeter-export-'));
const stopCluster = await setup();
try {
  const engine = testEngines().find(({ name }) => name === 'postgresql');
  if (!engine) throw new Error('there is no PostgreSQL with PostGIS to measure on');
  const python = pythonWith('export', ['numpy==2.4.6', 'pyogrio==0.13.0', 'pyarrow==26.0.1']);
  const { db, url } = await engine.open();
  const jobs = new Map<number, string>();
  for (const count of [...new Set([Math.min(most, 100_000), most])]) jobs.set(count, await fill(db, count));
  await db.execute('VACUUM ANALYZE planimeter.features');
  await db.close();
  for (const { ending, title } of formats) {
    for (const [count, job] of jobs) {
      // A service of its own each time: what one export leaves behind in memory is not counted for the next.
      const data = join(folder, 'data');
      const { address, pid, stop } = await startService(url!, data);
      try {
        const before = peakBytes(pid);
        const started = performance.now();
        const bytes = await download(`${address}/jobs/${job}/export${ending}`);
        const seconds = (performance.now() - started) / 1000;
        const peak = peakBytes(pid);
        const path = join(data, 'files', 'jobs', job, 'exports', `all${ending}`);
        const found = ask<number>(python, COUNT, [path, ending === '.pmtiles']);
        if (ending !== '.pmtiles' && found !== count) throw new Error(`${title}: ${found} of ${count}`);
        const memory = `${(peak / MB).toFixed(0)} MB at the most (${(before / MB).toFixed(0)} before)`;
        console.log(`${title}, ${count} features: ${seconds.toFixed(1)} s, ${(bytes / MB).toFixed(1)} MB; ${memory}`);
        const driver = DRIVERS[ending];
        if (!driver) continue;
        const source = join(folder, `${count}.gpkg`);
        if (!existsSync(source)) {
          await download(`${address}/jobs/${job}/export.gpkg`);
          await copyFile(join(data, 'files', 'jobs', job, 'exports', 'all.gpkg'), source);
        }
        const target = join(folder, `LAYER-peer${ending}`);
        const [peerSeconds, peerPeak] = ask<[number, number]>(python, PEER, [source, target, driver]);
        console.log(
          `  pyogrio from the GeoPackage: ${peerSeconds.toFixed(1)} s; ${(peerPeak / MB).toFixed(0)} MB at the most`,
        );
      } finally {
        await stop();
        await rm(data, { recursive: true, force: true });
      }
    }
  }
} finally {
  await stopCluster();
  await rm(folder, { recursive: true });
}
process.exit();

/** A published job of so many features, made in the database itself; its id. */
async function fill(db: Database, count: number): Promise<string> {
  const [scene, job] = [randomUUID(), randomUUID()];
  await insertScene(db, { id: scene, name: 'field.tif', upload: null, sha256: scene, bytes: 1 });
  await insertJob(db, { id: job, scene, model: 'landuse-unet', parameters: {} });
  const columns = Math.ceil(Math.sqrt(count));
  for (const kind of KINDS) {
    await db.query(
      `INSERT INTO planimeter.features (job, level, collection, id, class, score, area_m2, perimeter_m, length_m, geom, properties)
       SELECT key, 0, $2, md5($2 || i)::uuid, $3, 0.5 + (i % 50) / 100.0, ST_Area(geom::geography),
              CASE WHEN ST_Dimension(geom) = 2 THEN ST_Perimeter(geom::geography) END,
              CASE WHEN ST_Dimension(geom) = 1 THEN ST_Length(geom::geography) END, geom, '{"regularized": true}'
         FROM (SELECT key, i, ST_SetSRID(ST_Translate(${kind.shape}, 55 + (i % $5) * $6::float8, 25 + (i / $5) * $6::float8), 4326) AS geom
                 FROM planimeter.jobs, generate_series(1, $4::integer) AS i WHERE id = $1 OFFSET 0) AS made`,
      [job, kind.collection, kind.class, Math.round(count * kind.share), columns, SPACING_DEGREES],
    );
  }
  const report = { job, scene, model: 'landuse-unet', model_grid: { gsd_m: 0.5 } } as unknown as JobReport;
  await publishJob(db, job, report);
  return job;
}

async function startService(databaseUrl: string, data: string) {
  const port = await freePort();
  const program = fileURLToPath(new URL('../cli/planimeter.js', import.meta.url));
  const child = spawn(process.execPath, [program, 'serve', '--port', String(port), '--data', data], {
    env: { ...process.env, DATABASE_URL: databaseUrl },
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const address = `http://127.0.0.1:${port}`;
  await answered(`${address}/health`);
  return {
    address,
    pid: child.pid!,
    stop: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function download(address: string): Promise<number> {
  // Python is waited for in between, longer than connections are kept.
  const response = await fetch(address, { headers: { Connection: 'close' } });
  if (!response.ok) throw new Error(`${address}: ${response.status} ${await response.text()}`);
  let bytes = 0;
  for await (const chunk of response.body!) bytes += chunk.length;
  return bytes;
}

/** What a Python script prints as JSON, given some. */
function ask<Answer>(python: string, script: string, input: unknown): Answer {
  const { status, stdout, stderr, error } = spawnSync(python, ['-c', script], {
    input: JSON.stringify(input),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr || String(error));
  return JSON.parse(stdout) as Answer;
}

/** The most resident memory of a process since this was asked last; Linux alone tells. */
function peakBytes(pid: number): number {
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  return Number(kilobytes) * 1024;
}
