import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Router } from 'express';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addDoneJob, addScene, startService, type TestService } from '../../../test/support/http-service.ts';
import { nodePackages } from '../../../test/support/node-packages.ts';
import { pythonWithOpenApi } from '../../../test/support/python.ts';
import { DEFAULT_LIMITS } from '../../operations/quotas.ts';
import { openDatabase } from '../../store/database/open-database.ts';
import { insertSample, putAnswers } from '../../store/tables/samples.ts';
import { createApp } from '../app.ts';
import { readPublicAddress } from '../core/public-address.ts';
import type { Json } from './convert.ts';
import { openapiDocument } from './document.ts';

const METHODS = ['get', 'post', 'head', 'patch', 'delete', 'options'] as const;

let service: TestService;
/** Values that stand for the parameters of paths. */
const examples: Record<string, string> = {
  z: '0',
  x: '0',
  y: '0',
  format: 'png',
  collection: 'landuse',
  model: 'landuse-unet',
  process: 'segment',
  precision: 'fp32',
  file: 'plots',
};

beforeAll(async () => {
  const db = await openDatabase({});
  service = await startService(db);
  const scene = await addScene(db);
  const rings: [number, number][][] = [
    [
      [0, 0],
      [0, 9],
      [9, 9],
    ],
  ];
  const { job, ids } = await addDoneJob(db, scene, [{ collection: 'landuse', class: 'water', rings }]);
  const design = { seed: 7, size: 30, least: 30, apart_m: 0, second_share: 0, split_score: null, aoi: false };
  const strata = [{ class: 'building', part: 'all' as const, pixels: 9, area_m2: 2.25, points: 2 }];
  const sample = await insertSample(
    db,
    { job, design: { ...design, expected_accuracy: 0.85, expected_standard_error: 0.06, strata }, by: 'Ada' },
    [1, 2].map((number) => ({ number, stratum: 0, second: false, x: number, y: 0, lon: 55.27, lat: 25.16 })),
  );
  const answer = { reviewer: 'Ada', class: 'building', seconds: 2, at: null };
  await putAnswers(db, sample.id, [1, 2].map((point) => ({ ...answer, point }))); // biome-ignore format: one line
  Object.assign(examples, { scene, job, feature: ids[0], sample: sample.id });
});

afterAll(async () => {
  await service.close();
  await service.db.close();
});

const document = openapiDocument('1.2.3', 'http://localhost');
const described = Object.entries(document.paths).flatMap(([path, item]) =>
  METHODS.filter((method) => method in item).map((method) => `${method} ${path}`),
);

test('the document names every route there is, and no other', () => {
  const parts = { ...appParts(), limits: DEFAULT_LIMITS, publicAddress: readPublicAddress({}) };
  const app = createApp({ ...(service as unknown as Parameters<typeof createApp>[0]), ...parts });
  expect(routesOf(app.router).sort()).toEqual([...described].sort());
});

test('every reference of the document leads somewhere, and every path names its parameters', () => {
  const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
  expect(references.filter((name) => !(name in document.components.schemas))).toEqual([]);
  for (const [path, item] of Object.entries(document.paths)) {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const parameters = (item.parameters ?? []) as { name: string; in: string }[];
    expect(parameters.map(({ name }) => name).sort(), path).toEqual(named.sort());
  }
});

const operations = Object.values(document.paths).flatMap((item) =>
  METHODS.flatMap((method): Json[] => item[method] ?? []),
);
const bodies = operations.flatMap(({ operationId, requestBody, responses }) =>
  [requestBody, ...Object.values<Json>(responses)].flatMap((body) =>
    Object.entries<Json>(body?.content ?? {}).map(([type, media]) => ({ at: `${operationId} ${type}`, type, media })),
  ),
);
const inputs = [...operations, ...Object.values(document.paths)].flatMap(({ parameters = [] }): Json[] => parameters);

test('every operation has a name of its own and a sentence', () => {
  const names: string[] = operations.map(({ operationId }) => operationId);
  expect(names.filter((name, i) => !/^[a-z][A-Za-z]+$/.test(name) || names.indexOf(name) !== i)).toEqual([]);
  expect(operations.filter(({ summary }) => !/^[A-Z].{2,}[^.]$/.test(summary))).toEqual([]);
});

test('whatever is JSON, and every parameter that must be given, has an example, and it fits', () => {
  const shown = bodies.filter(({ type }) => /json|form|event-stream/.test(type));
  expect(shown.filter(({ media }) => media.example === undefined).map(({ at }) => at)).toEqual([]);
  expect(shown.flatMap(({ at, media }) => violations(media.example, media.schema, at))).toEqual([]);
  expect(inputs.filter(({ required, example }) => required && example === undefined)).toEqual([]);
  const given = inputs.filter(({ example }) => example !== undefined);
  expect(given.flatMap(({ name, example, schema }) => violations(example, schema, name))).toEqual([]);
});

test('what may be a number or a name is described as both', () => {
  const { bands } = document.components.schemas.JobParameters.properties;
  expect(bands.items.anyOf.map(({ type }: Json) => type)).toEqual(['integer', 'string']);
});

test('nothing that a client sends or reads is without a type', () => {
  const named = Object.entries(document.components.schemas).map(([name, schema]) => ({ at: name, schema }));
  const sent = inputs.map(({ name, schema }) => ({ at: name, schema }));
  const all = [...named, ...sent, ...bodies.map(({ at, media: { schema } }) => ({ at, schema: schema as Json }))];
  expect(all.flatMap(({ at, schema }) => untyped(schema, at))).toEqual([]);
});

test('outside judges find no error in the document', { timeout: 300_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-openapi-'));
  const path = join(folder, 'openapi.json');
  try {
    await writeFile(path, JSON.stringify(document));
    const python = pythonWithOpenApi();
    if (python) expect(await complaints(python, ['-m', 'openapi_spec_validator', path])).toBe('');
    const packages = nodePackages('redocly', ['@redocly/cli@2.77.0']);
    const lint = ['lint', path, '--format', 'github-actions', '--skip-rule', 'no-server-example.com'];
    // The one that answers with a page or another address.
    const found = packages && (await complaints(join(packages, '.bin', 'redocly'), lint));
    if (found) expect(found.match(/^::\w+.*/gm)).toEqual([expect.stringContaining('operation-2xx-response')]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** What a judge prints beside that all is well. */
async function complaints(command: string, args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args).catch((error: { stdout: string }) => error);
  return stdout.replace(/^.*: OK$/gm, '').trim();
}

test.each(described.filter((route) => route.startsWith('get ')))('%s answers as the document says', async (route) => {
  const path = route.slice(4);
  const subject = path.startsWith('/scenes') ? 'scene' : /^\/(ogc\/)?jobs/.test(path) ? 'job' : 'feature';
  const values: Record<string, string> = {
    ...examples,
    id: examples[subject],
    ...(path.includes('/export.') && { format: 'gpkg' }),
    ...(path.includes('/samples/') && { format: 'csv' }),
    ...(path.includes('/summary/') && { table: 'cells', format: 'csv' }),
    ...(path.startsWith('/stac') && { collection: 'scenes', id: examples.scene! }),
  };
  const address = path.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const { parameters = [] } = document.paths[path].get as { parameters?: Json[] };
  const needed = parameters.filter((each) => each.in === 'query' && each.required);
  const query = new URLSearchParams(needed.map(({ name, example }): [string, string] => [name, String(example)]));
  const response = await fetch(`${service.address}${address}${needed.length > 0 ? `?${query}` : ''}`, {
    headers: { Accept: 'application/json' },
  });
  const { responses } = document.paths[path].get as {
    responses: Record<string, { content?: Record<string, unknown> }>;
  };
  const body = await response.text();
  // Image and maps of the example job and the viewer were never made; that they are missing is a problem, as the document says.
  const problem = document.components.responses.Problem as { content: Record<string, unknown> };
  const answer = responses[response.status] ?? (/\.tif$|\/point$|^\/api$/.test(path) ? problem : undefined);
  expect(answer, `${response.status} ${body}`).toBeDefined();
  const type = (response.headers.get('content-type') ?? '').replace(/; ?charset=.*$/, '').replaceAll('; ', ';');
  expect(response.status === 204 || Object.keys(answer!.content!).includes(type), type).toBe(true);
  if (!type.endsWith('json')) return;
  const [{ schema }] = Object.values(answer!.content!) as [{ schema: Json }];
  expect(violations(JSON.parse(body), schema, '$')).toEqual([]);
});

function appParts() {
  const never = () => Promise.reject(new Error('not asked for'));
  return {
    models: [],
    service: {
      name: 'planimeter' as const,
      version: '1',
      database: 'pglite' as const,
      device: 'cpu',
      limits: { upload_bytes: 1 },
      basemap: null,
      remote_imagery: false,
    },
    viewerFolder: null,
    renderTile: never,
    addDemoScene: never,
  };
}

/** All routes as `method /path/{parameter}`. */
function routesOf(router: Router): string[] {
  return router.stack.flatMap((layer) => {
    if (layer.route) {
      const { path, methods } = layer.route as unknown as { path: string | string[]; methods: Record<string, boolean> };
      return [path].flat().flatMap((text) => {
        return Object.keys(methods).map((method) => `${method} ${text.replace(/:(\w+)/g, '{$1}')}`);
      });
    }
    return 'stack' in layer.handle ? routesOf(layer.handle as unknown as Router) : [];
  });
}

/** Where a value is not what a schema of this document allows. */
function violations(value: unknown, schema: Json, at: string): string[] {
  if (schema.$ref) return violations(value, document.components.schemas[schema.$ref.split('/').at(-1)!]!, at);
  if (schema.allOf) return schema.allOf.flatMap((part: Json) => violations(value, part, at));
  if (schema.anyOf) {
    const found: string[][] = schema.anyOf.map((option: Json) => violations(value, option, at));
    return found.find((each) => each.length === 0) ?? found.flat();
  }
  if (value === null) return schema.nullable || Object.keys(schema).length === 0 ? [] : [`${at} is null`];
  if (schema.enum && !schema.enum.includes(value)) return [`${at} is ${value}`];
  const is = Array.isArray(value) ? 'array' : typeof value;
  const wanted = schema.type === 'integer' ? 'number' : schema.type;
  if (wanted && is !== wanted) return [`${at} is ${is}, not ${wanted}`];
  if ((value as number) < schema.minimum || (value as number) > schema.maximum) return [`${at} is ${value}`];
  if (is === 'array') {
    const list = value as unknown[];
    if (list.length < schema.minItems || list.length > schema.maxItems) return [`${at} has ${list.length} members`];
    return list.flatMap((item, i) => violations(item, schema.items ?? {}, `${at}[${i}]`));
  }
  if (is !== 'object') return [];
  const { properties = {}, required = [], additionalProperties = {} } = schema;
  const members = value as Json;
  const missing = required.filter((name: string) => !(name in members)).map((name: string) => `${at} lacks ${name}`);
  const wrong = Object.entries(members).flatMap(([name, member]) => {
    const known = properties[name] ?? additionalProperties;
    return known === false ? [`${at} has ${name}`] : violations(member, known, `${at}.${name}`);
  });
  return [...missing, ...wrong];
}

/** Where a schema says nothing of what a client reads or sends; GeoJSON's properties may be anything. */
function untyped(schema: Json, at: string): string[] {
  if (schema.$ref) return [];
  const options: Json[] = schema.allOf ?? schema.anyOf ?? [];
  if (options.length > 0) return options.flatMap((option) => untyped(option, at));
  if (!schema.type) return [`${at} has no type`];
  if (schema.type === 'array') return untyped(schema.items ?? {}, `${at}[]`);
  if (schema.type !== 'object' || schema.enum) return [];
  const { properties = {}, additionalProperties: more } = schema;
  const members = Object.entries<Json>(properties).flatMap(([name, member]) => untyped(member, `${at}.${name}`));
  const anything = /(Feature|zones\[\])\.properties$/.test(at); // attributes that somebody chose
  const isOpen = Object.keys(properties).length === 0 && !anything;
  return [...members, ...(isOpen ? untyped(more || {}, `${at}.*`) : [])];
}
