/** A package is made again from its image: the same, or it is said where not. */
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ReplayRecord } from '../server/api/index.ts';
import { readFromZip } from '../server/export/read-zip.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { startJob, upload, waitForJob, waitForScene } from './support/client.ts';
import { serve, stopAll } from './support/serve.ts';
import { PROGRAM } from './support/workers.ts';

let folder: string;
let image: string;
const file = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-replay-'));
  ({ image } = await writeTown(file('town'), { seed: 5, width: 500, height: 400, gsdMetres: 1 }));
});
afterAll(async () => {
  await stopAll();
  await rm(folder, { recursive: true, force: true });
});

async function planimeter(...args: string[]): Promise<{ status: number; out: string; problem: string }> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, ...args]);
    return { status: 0, out: stdout, problem: '' };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { status: code, out: stdout, problem: stderr };
  }
}

test('a package of the service is the same on the command line', { timeout: 240_000 }, async () => {
  const { url } = await serve(file('data'));
  const scene = await waitForScene(url, await upload(url, image));
  const job = await waitForJob(url, (await startJob(url, scene.id, { min_area_m2: 25, precision: 'int8' })).id);
  expect(job.state).toBe('done');
  const answer = await fetch(`${url}/jobs/${job.id}/package.zip`);
  await writeFile(file('job.zip'), Buffer.from(await answer.arrayBuffer()));
  await stopAll();

  const replayed = await planimeter('replay', file('job.zip'), '--image', image);
  expect(replayed.out).not.toContain('DIFFERS');
  expect([replayed.status, replayed.out]).toEqual([0, expect.stringContaining('job.zip is what it says.')]);
  for (const part of ['program', 'network', 'classes.tif', 'scores.tif', 'buildings', 'landuse', 'roads']) {
    expect(replayed.out).toContain(`same    ${part}\n`);
  }

  const record = JSON.parse((await readFromZip(file('job.zip'), 'replay.json'))!.toString()) as ReplayRecord;
  await writeFile(
    file('replay.json'),
    JSON.stringify({ ...record, parameters: { ...record.parameters, min_area_m2: 60 } }),
  );
  const changed = await planimeter('replay', file('replay.json'), '--image', image, '--json');
  expect(changed.status).toBe(1);
  const { compared } = JSON.parse(changed.out) as { compared: { name: string; same: boolean }[] };
  const differing = compared.filter(({ same }) => !same).map(({ name }) => name);
  expect(differing).toEqual(expect.arrayContaining(['parameters', 'landuse']));
  expect(differing).not.toContain('classes.tif');

  // What lies in the package is looked at, and what a record leaves out is told.
  const forge = join(folder, 'forge.py');
  await writeFile(
    forge,
    `import sys, zipfile, json
source, forged, poor = sys.argv[1:]
with zipfile.ZipFile(source) as zip:
    members = {name: zip.read(name) for name in zip.namelist()}
def write(path, members):
    with zipfile.ZipFile(path, 'w') as zip:
        for name, data in members.items(): zip.writestr(name, data)
write(forged, {**members, 'classes.tif': b'junk', 'features.gpkg': b'junk'})
record = json.loads(members['replay.json'])
record['features'] = {'roads': {**record['features']['roads'], 'count': 99}}
write(poor, {**members, 'replay.json': json.dumps({**record, 'maps': {}}).encode()})
`,
  );
  await promisify(execFile)('python3', [forge, file('job.zip'), file('forged.zip'), file('poor.zip')]);
  const differingOf = async (name: string) => {
    const { status, out } = await planimeter('replay', file(name), '--image', image);
    expect(status, name).toBe(1);
    return [...out.matchAll(/^DIFFERS ([^:\n]+)/gm)].map(([, part]) => part);
  };
  expect(await differingOf('forged.zip')).toEqual([
    ...['classes.tif of the package', 'buildings of the package', 'landuse of the package', 'roads of the package'],
  ]);
  expect(await differingOf('poor.zip')).toEqual(
    expect.arrayContaining(['classes.tif', 'scores.tif', 'roads', 'buildings', 'landuse']),
  );

  const flipped = await readFile(image);
  flipped[flipped.length >> 1] ^= 1;
  await writeFile(file('flipped.tif'), flipped);
  const refused = await planimeter('replay', file('job.zip'), '--image', file('flipped.tif'));
  expect([refused.status, refused.problem]).toEqual([3, expect.stringContaining(record.image.sha256)]);

  await copyFile(image, file('none.zip'));
  expect((await planimeter('replay', file('none.zip'))).status).toBe(3);
  expect((await planimeter('replay', file('job.zip'))).status, 'the image is not beside it').toBe(2);
});
