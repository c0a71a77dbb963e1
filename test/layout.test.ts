/** Holds the rooms: who may import whom, which library lives in which room, and how full a room may be. */
import { posix } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { circlesOf, type Import, isTest, readSourceTree } from './support/source-tree.ts';

const MAY_IMPORT: Record<string, string[]> = {
  errors: [],
  tiler: ['errors'],
  vectorizer: ['errors'],
  synthetic: ['tiler', 'errors'],
  // Networks that are added are tried on a generated scene.
  models: ['tiler', 'synthetic', 'errors'],
  server: ['tiler', 'models', 'vectorizer', 'synthetic', 'errors'],
  cli: ['tiler', 'models', 'vectorizer', 'synthetic', 'server', 'errors', 'bench'],
  bench: ['tiler', 'models', 'vectorizer', 'synthetic', 'server', 'errors', 'cli', 'test'],
  web: [],
};

/** The server's floors, lowest first: a file imports from its own and from those below. */
const FLOORS = [
  ['api', 'geometry', 'log.ts', 'remote'],
  ['store', 'tracing', 'accuracy'],
  ['processes', 'queue', 'tiles', 'content-ids.ts'],
  ['tools.ts', 'operations'],
  ['scenes'],
  ['networks', 'export'],
  ['pipeline', 'summary', 'ephemeral-engine.ts'],
  ['change', 'sheet', 'teaching'],
  ['http', 'engine.ts'],
  ['service.ts', 'worker.ts', 'repair.ts'],
];

/** Folders (or rooms) in which a library may be imported. */
const LIBRARY_ROOMS: Record<string, string[]> = {
  sharp: ['tiler'],
  geotiff: ['tiler', 'bench'],
  'onnxruntime-node': ['models/runtime/onnx-runtime.ts'],
  pg: ['server/store/database'],
  '@electric-sql/pglite': ['server/store/database'],
  '@electric-sql/pglite-postgis': ['server/store/database'],
  'pg-boss': ['server/queue'],
  '@aws-sdk/client-s3': ['server/remote', 'server/store/files'],
  express: ['server/http'],
  pdfkit: ['server/sheet'],
  zod: ['server/api', 'server/http/openapi'],
  'h3-js': ['server/geometry'],
  'ml-matrix': ['models/teaching'],
  'rate-limiter-flexible': ['server/http/core'],
  'prom-client': ['server/operations'],
  pino: ['server/log.ts'],
  yauzl: ['tiler/ingest', 'server/export'],
  '@tus/server': ['server/http/native'],
  '@tus/file-store': ['server/http/native'],
  'client-zip': ['server/export', 'web/src/service'],
  'hyparquet-writer': ['server/export'],
  flatbuffers: ['server/export'],
  'maplibre-gl': ['web'],
  preact: ['web'],
  '@preact/signals': ['web'],
  '@turf/turf': ['vectorizer', 'web'],
  mgrs: ['web'],
  'geographiclib-geodesic': ['web'],
};

const MOST_FILES_IN_A_FOLDER = 30;

const tree = readSourceTree([...Object.keys(MAY_IMPORT), 'test']);
const sources = tree.files.filter((file) => !isTest(file));
const ours = tree.imports.filter((each) => each.ours && !isTest(each.file));
const room = (path: string) => path.split('/')[0];
const written = ({ file, target }: Import) => `${file} → ${target}`;

const circles = circlesOf(tree);
const upward = ours.filter(({ file, target }) => {
  const [from, to] = [floorOf(file), floorOf(target)];
  return from !== null && to !== null && to > from;
});
const folders = Object.entries(Object.groupBy(sources, posix.dirname)).map(([folder, files]) => ({
  folder,
  files: files!.length,
}));
const fullest = folders.reduce((most, each) => (each.files > most.files ? each : most));
const helpers = testHelpers();

afterAll(() => {
  console.log(
    `${sources.length} files: ${circles.length} circles, ${upward.length} imports up, ` +
      `${fullest.files} files in the fullest folder (${fullest.folder}), ${helpers.length} test helpers among sources`,
  );
});

test.each(Object.keys(MAY_IMPORT))('%s imports only the rooms that it may', (name) => {
  const strays = ours.filter(({ file, target }) => {
    const typesOfTheApi = name === 'web' && target.startsWith('server/api/');
    return room(file) === name && room(target) !== name && !MAY_IMPORT[name].includes(room(target)) && !typesOfTheApi;
  });
  expect(strays.map(written)).toEqual([]);
});

test('the viewer imports only types of the service', () => {
  const strays = ours.filter(
    ({ file, target, typeOnly }) => room(file) === 'web' && room(target) !== 'web' && !typeOnly,
  );
  expect(strays.map(written)).toEqual([]);
});

test('the API contract imports nothing but the list of problems', () => {
  const strays = ours.filter(
    ({ file, target }) => file.startsWith('server/api/') && !/^(server\/api|errors)\//.test(target),
  );
  expect(strays.map(written)).toEqual([]);
});

test('no file of the server imports from a floor above its own', () => {
  expect(upward.map(written)).toEqual([]);
});

test('every file of the server is on a floor', () => {
  expect(sources.filter((file) => room(file) === 'server' && floorOf(file) === null)).toEqual([]);
});

test('no files import each other in a circle, types included', () => {
  expect(circles).toEqual([]);
});

test(`no folder holds more than ${MOST_FILES_IN_A_FOLDER} files, its tests apart`, () => {
  const all = Object.entries(Object.groupBy([...tree.files.filter(isTest)], posix.dirname));
  const tests = all.map(([folder, files]) => ({ folder, files: files!.length }));
  expect([...folders, ...tests].filter(({ files }) => files > MOST_FILES_IN_A_FOLDER)).toEqual([]);
});

test('no helper of tests lies among the sources', () => {
  expect(helpers).toEqual([]);
});

test.each(Object.keys(LIBRARY_ROOMS))('%s is imported only where it belongs', (library) => {
  const strays = tree.imports
    .filter(({ target }) => target === library || target.startsWith(`${library}/`))
    .filter(({ file }) => !isTest(file))
    .filter(({ file }) => !LIBRARY_ROOMS[library].some((place) => file === place || file.startsWith(`${place}/`)));
  expect(strays.map(written)).toEqual([]);
});

test('the import reader sees what it should', () => {
  const seen = (file: string, target: string) =>
    tree.imports.some((each) => each.file === file && each.target === target);
  expect(seen('server/worker.ts', 'server/engine.ts')).toBe(true);
  expect(seen('server/processes/compute.ts', 'server/processes/compute-entry.ts')).toBe(true);
  const circle = circlesOf({ files: ['a', 'b', 'c'], imports: [arrow('a', 'b'), arrow('b', 'a'), arrow('c', 'a')] });
  expect(circle).toEqual([['a', 'b']]);
});

const arrow = (file: string, target: string): Import => ({ file, target, ours: true, typeOnly: true, started: false });

/** Index of the floor of a file of the server; null elsewhere. */
function floorOf(file: string): number | null {
  const [top, place] = file.split('/');
  const floor = FLOORS.findIndex((places) => top === 'server' && places.includes(place));
  return floor === -1 ? null : floor;
}

/** Sources that only tests use, or that use the tests' own tools. */
function testHelpers(): string[] {
  const users = Map.groupBy(tree.imports, ({ target }) => target);
  const forTests = tree.imports.filter(
    ({ file, target }) => !isTest(file) && (target === 'vitest' || (isTest(target) && room(file) !== 'bench')),
  );
  const onlyTested = sources.filter((file) => {
    const by = users.get(file) ?? [];
    return by.length > 0 && by.every((each) => isTest(each.file));
  });
  return [...new Set([...forTests.map(({ file }) => file), ...onlyTested])];
}
