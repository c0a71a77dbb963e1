/** Holds the rooms: who may import whom, and which library lives in which room. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const MAY_IMPORT: Record<string, string[]> = {
  tiler: [],
  vectorizer: [],
  models: ['tiler'],
  server: ['tiler', 'models', 'vectorizer'],
  cli: ['tiler', 'models', 'vectorizer', 'server', 'bench'],
  bench: ['tiler', 'models', 'vectorizer', 'server', 'cli'],
  web: [],
};

/** Folders (or rooms) in which a library may be imported. */
const LIBRARY_ROOMS: Record<string, string[]> = {
  sharp: ['tiler'],
  geotiff: ['tiler', 'bench'],
  'onnxruntime-node': ['models'],
  pg: ['server/store'],
  '@electric-sql/pglite': ['server/store'],
  '@electric-sql/pglite-postgis': ['server/store'],
  'pg-boss': ['server/jobs'],
  aws4fetch: ['server/remote'],
  express: ['server/http'],
  'h3-js': ['server/http'],
  'rate-limiter-flexible': ['server/http'],
  'prom-client': ['server'],
  pino: ['server'],
  '@tus/server': ['server/http'],
  '@tus/file-store': ['server/http'],
  'client-zip': ['server/export'],
  'hyparquet-writer': ['server/export'],
  flatbuffers: ['server/export'],
  'maplibre-gl': ['web'],
  '@turf/turf': ['vectorizer', 'web'],
};

interface Import {
  file: string;
  target: string;
  typeOnly: boolean;
}

function importsOf(room: string): Import[] {
  return readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.includes('node_modules') && !file.startsWith('dist'))
    .flatMap((file) => {
      const path = join(room, file);
      const text = readFileSync(join(ROOT, path), 'utf8');
      const statements = text.matchAll(/(?:^|\n)\s*(import|export)(\s+type)?\b[^;'"]*?from\s+['"]([^'"]+)['"]/g);
      const dynamic = text.matchAll(/(?:^|[^\w.])import\(\s*['"]([^'"]+)['"]\s*\)/g);
      const bare = text.matchAll(/(?:^|\n)import\s+['"]([^'"]+)['"]/g);
      return [
        ...[...statements].map((match) => ({ file: path, target: match[3], typeOnly: match[2] !== undefined })),
        ...[...dynamic, ...bare].map((match) => ({ file: path, target: match[1], typeOnly: false })),
      ];
    });
}

const isTest = (file: string) => file.endsWith('.test.ts') || file.includes('test-');

test.each(Object.keys(MAY_IMPORT))('%s imports only the rooms that it may', (room) => {
  const strays = importsOf(room).filter(({ file, target }) => {
    if (!target.startsWith('.')) return false;
    const path = relative(ROOT, resolve(ROOT, dirname(file), target));
    const other = path.split('/')[0];
    if (other === room || MAY_IMPORT[room].includes(other)) return false;
    if (isTest(file) && (other === 'test' || room === 'server')) return false;
    return !(room === 'web' && path === join('server', 'http', 'types.ts'));
  });
  expect(strays).toEqual([]);
});

test('the viewer imports only types of the service', () => {
  expect(importsOf('web').filter(({ target, typeOnly }) => target.includes('server/') && !typeOnly)).toEqual([]);
});

test.each(Object.keys(LIBRARY_ROOMS))('%s is imported only where it belongs', (library) => {
  const strays = Object.keys(MAY_IMPORT)
    .flatMap(importsOf)
    .filter(({ target }) => target === library || target.startsWith(`${library}/`))
    .filter(({ file }) => !isTest(file) && !LIBRARY_ROOMS[library].some((room) => file.startsWith(`${room}/`)));
  expect(strays).toEqual([]);
});

test('the import reader sees what it should', () => {
  expect(importsOf('server').some(({ file }) => file === join('server', 'pipeline.ts'))).toBe(true);
});
