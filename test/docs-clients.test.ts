/** The clients of docs/clients.md, word by word: types are generated, the example compiles, and both examples run. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JobReport } from '../server/api/index.ts';
import { openDatabase } from '../server/store/database/open-database.ts';
import { publishJob } from '../server/store/tables/features.ts';
import { addDoneJob, addScene, FakeQueue, startService, type TestService } from './support/http-service.ts';
import { nodePackages } from './support/node-packages.ts';
import { pythonWithClients } from './support/python.ts';

/** As docs/clients.md has users install them. */
const PACKAGES = ['openapi-typescript@7.13.0', 'openapi-fetch@0.17.0', '@types/node@24.19.2'];

/** Jobs are done as soon as somebody wants them, with nothing in them. */
class PromptQueue extends FakeQueue {
  override async enqueueSegment(job: string) {
    await publishJob(service.db, job, { job, scene } as unknown as JobReport);
  }
}

const run = promisify(execFile);

let service: TestService;
let scene: string;
beforeAll(async () => {
  const db = await openDatabase({});
  service = await startService(db, { queue: new PromptQueue(db) });
  scene = await addScene(db);
  const square = (side: number): [number, number][][] => [[[0, 0], [0, side], [side, side], [side, 0]]]; // biome-ignore format: a ring
  const buildings = [4, 12, 20, 16, 24].map((side) => {
    return { collection: 'buildings', class: 'building', rings: square(side) };
  });
  await addDoneJob(db, scene, buildings);
});
afterAll(async () => {
  await service.close();
  await service.db.close();
});

async function example(language: string): Promise<string> {
  const page = await readFile(new URL('../docs/clients.md', import.meta.url), 'utf8');
  const [, program] = new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(page) ?? [];
  if (!program) throw new Error(`docs/clients.md has no example in ${language}`);
  return program;
}

test('the client in TypeScript compiles and runs', { timeout: 300_000 }, async () => {
  const packages = nodePackages('typescript-client', PACKAGES);
  if (!packages) return;
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-client-'));
  try {
    await symlink(packages, join(folder, 'node_modules'));
    await writeFile(join(folder, 'package.json'), '{ "type": "module", "private": true }');
    const generated = ['--default-non-nullable=false', '--output', 'planimeter.d.ts'];
    const generator = join(packages, '.bin', 'openapi-typescript');
    await run(generator, [`${service.address}/openapi.json`, ...generated], { cwd: folder });
    const program = await example('ts');
    await writeFile(join(folder, 'example.ts'), program);
    await writeFile(join(folder, 'mistyped.ts'), program.replace('limit: 3', "limit: 'three'"));
    await writeFile(join(folder, 'misread.ts'), program.replaceAll('properties.area_m2', 'properties.area'));
    const options = ['--strict', '--noEmit', '--allowImportingTsExtensions', '--types', 'node'];
    const modern = ['--module', 'nodenext', '--target', 'es2022'];
    // The program's own compiler is many times as fast as the one that the generator brings.
    const tsc = fileURLToPath(new URL('../node_modules/.bin/tsc', import.meta.url));
    const compiled = run(tsc, [...options, ...modern, 'example.ts', 'mistyped.ts', 'misread.ts'], { cwd: folder });
    const { stdout: complaints } = await compiled.catch((error: { stdout: string }) => error);
    expect(complaints.match(/^\w+\.ts\(\d+,\d+\): .*/gm)).toEqual([
      expect.stringMatching(/^misread\.ts.*Property 'area' does not exist/),
      expect.stringMatching(/^mistyped\.ts.*'string' is not assignable to type 'number'/),
    ]);
    const { stdout } = await run(process.execPath, ['example.ts', service.address], { cwd: folder });
    const [job, ...buildings] = stdout.trim().split('\n');
    expect(job).toMatch(/^job [0-9a-f-]{36} is done$/);
    // Squares of so many half metres.
    const areas = buildings.map((line) => Math.round(Number(line.split(' ')[2])));
    expect(areas).toEqual([24, 20, 16].map((side) => side ** 2 / 4));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('the client in Python runs', { timeout: 300_000 }, async () => {
  const python = pythonWithClients();
  if (!python) return;
  const { stdout } = await run(python, ['-c', await example('python'), service.address, scene]);
  const [job, ...lines] = stdout.trim().split('\n');
  const id = /^job ([0-9a-f-]{36}) successful$/.exec(job!)?.[1];
  expect(id).toBeDefined();
  expect(lines).toContain(`dubai.tif, mapped by landuse-unet ${service.address}/jobs/${id}/classes.tif`);
  expect(lines.at(-1)).toMatch(/^4 buildings; the largest: 144\.0\d* m²$/);
});
