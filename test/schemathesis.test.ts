/**
 * Schemathesis makes requests from the OpenAPI document, right and wrong ones: nothing may fail inside, and every answer
 * is of a documented kind and shape. Part of `npm run test:full`.
 */
import { execFile } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAccess } from '../server/http/core/access.ts';
import { openDatabase } from '../server/store/database/open-database.ts';
import { addDoneJob, addScene, startService, type TestService } from './support/http-service.ts';
import { pythonWithSchemathesis } from './support/python.ts';

const FULL = process.env.PLANIMETER_FULL === '1';
const SEED = Number(process.env.PLANIMETER_SEED ?? Math.floor(Math.random() * 2 ** 31));

let service: TestService;
beforeAll(async () => {
  if (!FULL) return;
  const db = await openDatabase({});
  // Tokens may be made, and nobody needs one.
  service = await startService(db, { access: { ...createAccess(db, false), needed: async () => false } });
  const square = (x: number): [number, number][][] => [[[x, 0], [x, 9], [x + 9, 9], [x + 9, 0]]]; // biome-ignore format: a ring
  const features = Array.from({ length: 30 }, (_, i) => ({
    ...{ collection: i % 2 ? 'buildings' : 'landuse', class: 'building' },
    rings: square(i * 20),
  }));
  await addDoneJob(db, await addScene(db), features);
});
afterAll(async () => {
  await service?.close();
  await service?.db.close();
});

test.skipIf(!FULL)('answers are those of the document, whatever is asked', { timeout: 400_000 }, async () => {
  const python = pythonWithSchemathesis();
  if (!python) return;
  const checks = [
    'not_a_server_error',
    'status_code_conformance',
    'content_type_conformance',
    'response_schema_conformance',
  ];
  const options = [
    ...['-c', 'import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())'],
    ...[
      'run',
      `${service.address}/openapi.json`,
      '--checks',
      checks.join(','),
      '--phases',
      'examples,coverage,fuzzing',
    ],
    // Events do not end; uploads speak tus, whose own tests are beside them.
    ...['--exclude-path-regex', 'events$|^/uploads', '--max-examples', '25', '--seed', String(SEED)],
    ...['--continue-on-failure', '--no-color'],
  ];
  const { promise, resolve } = Promise.withResolvers<{ code: unknown; output: string }>();
  execFile(python, options, { timeout: 380_000, maxBuffer: 2 ** 28, cwd: service.folder }, (error, out, err) =>
    resolve({ code: error?.code ?? 0, output: `${out}${err}` }),
  );
  const { code, output } = await promise;
  expect(code, `PLANIMETER_SEED=${SEED}\n${output.slice(-12_000)}`).toBe(0);
  expect(output).toMatch(/Test cases:\s+[\d,]{4,} generated/);
});
