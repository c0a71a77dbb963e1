import type { Router } from 'express';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addDoneJob, addScene, startService, type TestService } from '../../../test/support/http-service.ts';
import { DEFAULT_LIMITS } from '../../operations/quotas.ts';
import { openDatabase } from '../../store/database/open-database.ts';
import { createApp } from '../app.ts';
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
  Object.assign(examples, { scene, job, feature: ids[0] });
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
  const parts = { ...appParts(), limits: DEFAULT_LIMITS };
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

test.each(described.filter((route) => route.startsWith('get ')))('%s answers as the document says', async (route) => {
  const path = route.slice(4);
  const subject = path.startsWith('/scenes') ? 'scene' : /^\/(ogc\/)?jobs/.test(path) ? 'job' : 'feature';
  const values: Record<string, string> = {
    ...examples,
    id: examples[subject],
    ...(path.includes('/export.') && { format: 'gpkg' }),
    ...(path.startsWith('/stac') && { collection: 'scenes', id: examples.scene! }),
  };
  const address = path.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const response = await fetch(service.address + address, { headers: { Accept: 'application/json' } });
  const { responses } = document.paths[path].get as {
    responses: Record<string, { content?: Record<string, unknown> }>;
  };
  const body = await response.text();
  // The maps of the example job were never made; that they are missing is a problem, as the document says, too.
  const answer = responses[response.status] ?? (path.endsWith('.tif') ? responses.default : undefined);
  expect(answer, `${response.status} ${body}`).toBeDefined();
  const type = (response.headers.get('content-type') ?? '').replace(/; ?charset=.*$/, '').replaceAll('; ', ';');
  expect(response.status === 204 || Object.keys(answer!.content!).includes(type), type).toBe(true);
  if (!type.endsWith('json')) return;
  const [{ schema }] = Object.values(answer!.content!) as [{ schema: Schema }];
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

interface Schema {
  $ref?: string;
  allOf?: Schema[];
  type?: string;
  nullable?: boolean;
  enum?: unknown[];
  items?: Schema;
  required?: string[];
  properties?: Record<string, Schema>;
}

/** Where a value is not what a schema of this document allows. */
function violations(value: unknown, schema: Schema, at: string): string[] {
  if (schema.$ref) return violations(value, document.components.schemas[schema.$ref.split('/').at(-1)!] as Schema, at);
  if (value === null) return schema.nullable ? [] : [`${at} is null`];
  if (schema.allOf) return schema.allOf.flatMap((part) => violations(value, part, at));
  if (schema.enum && !schema.enum.includes(value)) return [`${at} is ${value}`];
  const is = Array.isArray(value) ? 'array' : typeof value;
  const wanted = schema.type === 'integer' ? 'number' : schema.type;
  if (wanted && is !== wanted) return [`${at} is ${is}, not ${wanted}`];
  if (is === 'array')
    return (value as unknown[]).flatMap((item, i) => violations(item, schema.items ?? {}, `${at}[${i}]`));
  if (is !== 'object') return [];
  const members = value as Record<string, unknown>;
  const missing = (schema.required ?? []).filter((name) => !(name in members)).map((name) => `${at} lacks ${name}`);
  const wrong = Object.entries(schema.properties ?? {}).flatMap(([name, member]) =>
    name in members ? violations(members[name], member, `${at}.${name}`) : [],
  );
  return [...missing, ...wrong];
}
