/**
 * Every route that computes, asked for the most that its limits allow by whoever has a share link: it ends with an answer
 * or a typed refusal, and light requests are answered all the while.
 */
import { availableParallelism, loadavg } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openapiDocument } from '../../server/http/openapi/document.ts';
import { DEFAULT_LIMITS } from '../../server/operations/quotas.ts';
import type { Database } from '../../server/store/database/database.ts';
import { testEngines } from '../support/databases.ts';
import { addScene, fetchJson, startService, type TestService } from '../support/http-service.ts';
import { addManyFeatures, SIDE, SOUTH, WEST } from '../support/many-features.ts';

const FULL = process.env.PLANIMETER_FULL === '1';
const FEATURES = FULL ? 448 ** 2 : 10 ** 2;
/** All of one request's may take four times as long: the worst that is let through ends by its time. */
const STATEMENT_SECONDS = 5;
const LIGHT_EVERY_MS = 100;
/**
 * Light requests are answered within this in the full run, on a machine that does nothing else. The embedded database
 * has one connection: they wait for the statement that runs, and one filter over all features is one statement.
 */
const LIGHT_P95_MS = { postgresql: 1000, pglite: 2000 };
/** How much longer everything takes now, because others want the processors, too. */
const stretch = () => Math.max(1, loadavg()[0]! / availableParallelism());

interface Ask {
  path: string;
  init?: RequestInit;
}
type Ring = [number, number][];
const [EAST, NORTH] = [WEST + SIDE, SOUTH + SIDE];

const closed = (ring: Ring) => ({ type: 'Polygon', coordinates: [[...ring, ring[0]!]] });
const layer = (...zones: object[]) => ({
  type: 'FeatureCollection',
  features: zones.map((geometry) => ({ type: 'Feature', properties: { name: 'zone' }, geometry })),
});
const post = (path: string, body: unknown): Ask => ({
  path,
  init: { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) },
});
const world = closed([[WEST, SOUTH], [EAST, SOUTH], [EAST, NORTH], [WEST, NORTH]]); // biome-ignore format: a box
/** Teeth over all features; valid, of four positions a tooth, leaning so that the boxes of its sides overlap. */
function comb(teeth: number, lean = 0) {
  const width = SIDE / teeth;
  const ring: Ring = [];
  for (let i = 0; i < teeth; i++) {
    const x = WEST + i * width;
    ring.push([x, SOUTH], [x + lean, NORTH], [x + lean + width / 2, NORTH], [x + width / 2, SOUTH]);
  }
  return closed([...ring, [EAST, SOUTH - 0.1], [WEST, SOUTH - 0.1]]);
}
function star(points: number) {
  const ring = Array.from({ length: points }, (_, i): [number, number] => {
    const angle = (2 * Math.PI * i * (points >> 1)) / points;
    return [WEST + SIDE / 2 + (SIDE / 2) * Math.cos(angle), SOUTH + SIDE / 2 + (SIDE / 2) * Math.sin(angle)];
  });
  return closed(ring);
}
/** One area with many holes. */
const sieve = (side: number) => ({
  type: 'Polygon',
  coordinates: [
    world.coordinates[0],
    ...Array.from({ length: side * side }, (_, i) => {
      const [x, y] = [WEST + ((i % side) + 0.3) * (SIDE / side), SOUTH + (Math.floor(i / side) + 0.3) * (SIDE / side)];
      const hole = (0.4 * SIDE) / side;
      return [[x, y], [x, y + hole], [x + hole, y + hole], [x + hole, y], [x, y]]; // biome-ignore format: a box
    }),
  ],
});
const narrowComb = `POLYGON((${comb(40).coordinates[0]!.map(([x, y]) => `${x!.toFixed(4)} ${y!.toFixed(4)}`)}))`;
const filtered = (filter: string) => `/collections/landuse/items?limit=10000&filter=${encodeURIComponent(filter)}`;
const list = (count: number, each: (i: number) => string) => Array.from({ length: count }, (_, i) => each(i));
const sums = '/collections/landuse/aggregate';

/** Of each route that computes, the worst that its limits let through, and what is just beyond. */
const HEAVY: Record<string, (job: string, scene: string) => Ask[]> = {
  'post /collections/{collection}/aggregate': () => [
    post(sums, layer(star(401))),
    post(sums, layer(comb(FULL ? 2499 : 300))),
    post(sums, layer(...Array.from({ length: FULL ? 20 : 1 }, () => comb(FULL ? 220 : 60, SIDE)))),
    post(sums, layer(comb(1200, SIDE))),
    post(sums, layer(sieve(44))),
    post(sums, layer(...Array.from({ length: FULL ? 1000 : 20 }, () => world))),
    post(`${sums}?filter=${encodeURIComponent(`S_INTERSECTS(geometry,${narrowComb})`)}`, layer(world)),
  ],
  'get /collections/{collection}/aggregate': (job) => [
    { path: `${sums}?hex=${FULL ? 8 : 6}` },
    { path: `${sums}?hex=15` },
    { path: `${sums}?zones=landuse&job=${job}` },
    { path: `${sums}?filter=${encodeURIComponent(`S_OVERLAPS(geometry,${narrowComb})`)}` },
  ],
  'get /collections/{collection}/histogram': (job) => [
    { path: `/collections/landuse/histogram?job=${job}&property=area_m2&bins=100` },
    {
      path: `/collections/landuse/histogram?property=score&filter=${encodeURIComponent(`S_OVERLAPS(geometry,${narrowComb})`)}`,
    },
  ],
  'get /collections/{collection}/items': () => [
    { path: '/collections/landuse/items?limit=10000&sortby=-area_m2' },
    { path: filtered(`S_TOUCHES(geometry,${narrowComb}) OR S_CROSSES(geometry,${narrowComb})`) },
    { path: filtered(list(240, (i) => `area_m2 = ${i}`).join(' OR ')) },
    { path: filtered(list(20, () => `id LIKE '${'%a'.repeat(20)}'`).join(' OR ')) },
    { path: filtered(`class IN (${list(900, (i) => `'${i}'`)})`) },
    { path: `/collections/landuse/items?bbox=${'1'.repeat(8000)}x,0,1,1` },
  ],
  'get /stac/search': () => [{ path: `/stac/search?limit=1000&bbox=-180,-90,180,90&ids=${list(200, String)}` }],
  'post /stac/search': () => [post('/stac/search', { limit: 1000, intersects: comb(2499) })],
  'get /scenes/{id}/preflight': (_, scene) => [{ path: `/scenes/${scene}/preflight` }],
  'get /jobs/{id}/export.{format}': (job) =>
    ['geojson', 'gpkg', 'fgb', 'csv'].map((format) => ({ path: `/jobs/${job}/export.${format}` })),
  'get /jobs/{id}/summary': (job) => [{ path: `/jobs/${job}/summary` }],
  'get /jobs/{id}/summary/{table}.{format}': (job) =>
    ['cells.csv', 'blocks.geojson', 'roads.csv', 'surroundings.geojson'].map((file) => ({
      path: `/jobs/${job}/summary/${file}`,
    })),
  'get /jobs/{id}/sheet.html': (job) => [{ path: `/jobs/${job}/sheet.html` }],
  'get /jobs/{id}/accuracy': (job) => [{ path: `/jobs/${job}/accuracy` }],
  'post /jobs/{id}/samples': (job) => [post(`/jobs/${job}/samples`, { size: 1000 })],
  'get /jobs/{id}/package.zip': (job) => [{ path: `/jobs/${job}/package.zip` }],
  'get /tiles/{job}/{z}/{x}/{y}.mvt': (job) =>
    ['0/0/0', '8/167/109'].map((at) => ({ path: `/tiles/${job}/${at}.mvt` })),
  'post /jobs/{id}/prove': (job) => [post(`/jobs/${job}/prove`, { windows: 64 })],
  'post /models/{model}/teach': (_, scene) => [post('/models/landuse-unet/teach', { id: 'mine', scenes: [scene] })],
  'post /jobs': (_, scene) =>
    [star(401), comb(12_000), comb(220, SIDE)].map((aoi) => post('/jobs', { scene, parameters: { aoi } })),
  'post /ogc/processes/{process}/execution': (_, scene) => [
    post('/ogc/processes/segment/execution', { inputs: { scene, aoi: { value: star(401) } } }),
  ],
};

/** Read by key, or a page of what is kept; or drawn in a process of its own, tile by tile. */
const LIGHT = `get /, get /health, get /ready, get /metrics, get /service, get /api, get /openapi.json,
  get /models, get /models/{model}, get /models/{model}/mlm.json, get /models/{model}/{precision}.onnx,
  get /tokens, get /jobs/{id}/shares, get /audit, get /session, options /uploads, options /uploads/{id},
  head /uploads/{id}, get /scenes, get /scenes/{id}, get /scenes/{id}/image.tif, get /scenes/{id}/events, get /scenes/{id}/labels,
  get /scenes/{id}/point, get /coordinates, get /jobs/{id}/samples, get /jobs/{id}/samples/{sample}, get /jobs/{id}/samples/{sample}/{file}.{format},
  get /jobs, get /jobs/{id}, get /jobs/{id}/events, get /jobs/{id}/failed.geojson, get /jobs/{id}/classes.tif,
  get /jobs/{id}/scores.tif, get /jobs/{id}/probabilities.tif, get /jobs/{id}/features.tif, get /conformance, get /collections, get /collections/{collection},
  get /collections/{collection}/queryables, get /collections/{collection}/items/{id}, get /ogc, get /ogc/conformance,
  get /ogc/processes, get /ogc/processes/{process}, get /ogc/jobs, get /ogc/jobs/{id}, get /ogc/jobs/{id}/results,
  get /stac, get /stac/conformance, get /stac/collections, get /stac/collections/{collection},
  get /stac/collections/{collection}/items, get /stac/collections/{collection}/items/{id}, get /tiles/{job}.json,
  get /imagery/{scene}.json, get /imagery/{scene}/{z}/{x}/{y}.{format}, get /jobs/{id}/classes.json,
  get /jobs/{id}/scores.json, get /jobs/{id}/classes/{z}/{x}/{y}.{format}, get /jobs/{id}/scores/{z}/{x}/{y}.{format}`;
/** Change a row or two, or take a file, for which there are limits of their own. */
const CHANGES = `post /models, delete /models/{model}, post /tokens, delete /tokens/{id}, post /jobs/{id}/shares,
  delete /shares/{id}, post /session, delete /session, post /uploads, patch /uploads/{id}, delete /uploads/{id},
  post /scenes, post /scenes/demo, post /scenes/{id}/retry, patch /scenes/{id}, post /scenes/{id}/labels, delete /labels/{id}, delete /scenes/{id}, delete /jobs/{id}, post /jobs/{id}/cancel,
  post /jobs/{id}/samples/{sample}/next, post /jobs/{id}/samples/{sample}/answers, post /jobs/{id}/samples/{sample}/import,
  delete /jobs/{id}/samples/{sample}, post /jobs/{id}/retry, patch /collections/{collection}/items/{id}, delete /ogc/jobs/{id}`;

test('every route says here whether it computes', () => {
  const { paths } = openapiDocument('1', 'http://localhost') as { paths: Record<string, object> };
  const routes = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item)
      .filter((name) => name !== 'parameters')
      .map((method) => `${method} ${path}`),
  );
  const told = [...Object.keys(HEAVY), ...LIGHT.split(/,\s+/), ...CHANGES.split(/,\s+/)];
  expect(told.sort()).toEqual(routes.sort());
});

/** What a link does not open. */
const FOR_EDITORS = [
  'post /models/{model}/teach',
  'post /jobs/{id}/prove',
  'post /jobs/{id}/samples',
  'post /jobs',
  'post /ogc/processes/{process}/execution',
];
const ANSWERS = [200, 201, 202, 204];

describe.each(testEngines())('on $name', ({ name, open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  let service: TestService;
  let [job, scene, link] = ['', '', ''];

  beforeAll(async () => {
    ({ db, drop } = await open());
    service = await startService(db, { limits: { ...DEFAULT_LIMITS, statementSeconds: STATEMENT_SECONDS } });
    scene = await addScene(db);
    job = await addManyFeatures(db, scene, FEATURES);
    const shared = await fetchJson(`${service.address}/jobs/${job}/shares`, post('', { days: 1 }).init);
    link = shared.body.url.replace(/\/$/, '');
  }, 900_000);
  afterAll(async () => {
    await service.close();
    await drop();
  });

  test.each(Object.keys(HEAVY))(
    '%s',
    async (route) => {
      const base = FOR_EDITORS.includes(route) ? service.address : link;
      const stop = new AbortController();
      const light = keepAsking(`${service.address}/jobs/${job}`, stop.signal);
      const unexpected: string[] = [];
      for (const { path, init } of HEAVY[route]!(job, scene)) {
        const response = await fetch(base + path, init);
        const body = Buffer.from(await response.arrayBuffer()).toString();
        if (ANSWERS.includes(response.status) || response.status === 431) continue; // longer than a request's line may be
        // Refused by name, or ended by the time that a statement has.
        const { code } = JSON.parse(body);
        const typed = response.status < 500 || code === 'query_too_slow' || code === 'busy';
        if (!typed || typeof code !== 'string') unexpected.push(`${response.status} ${path.slice(0, 80)}: ${body}`);
      }
      stop.abort();
      const answers = await light;
      expect(unexpected).toEqual([]);
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      const sorted = answers.map(({ ms }) => ms).sort((a, b) => a - b);
      if (FULL) expect(sorted[Math.floor(sorted.length * 0.95)] ?? 0).toBeLessThan(LIGHT_P95_MS[name] * stretch());
    },
    900_000,
  );
});

/** Asks every 100 ms, whether or not the answer before has come. */
async function keepAsking(address: string, until: AbortSignal): Promise<{ status: number; ms: number }[]> {
  const ask = async () => {
    const start = performance.now();
    const response = await fetch(address);
    await response.arrayBuffer();
    return { status: response.status, ms: performance.now() - start };
  };
  const asked: ReturnType<typeof ask>[] = [];
  do {
    asked.push(ask());
    await new Promise((resolve) => setTimeout(resolve, LIGHT_EVERY_MS));
  } while (!until.aborted);
  return Promise.all(asked);
}
