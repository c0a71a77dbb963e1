/** SIGTERM in the middle of a job: the process gives it back and ends well, and whoever comes next does it. */
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { JobJson } from '../server/api/index.ts';
import { openDatabase } from '../server/store/database/open-database.ts';
import { getJob } from '../server/store/tables/jobs.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { getJson, startJob, upload, waitForJob, waitForScene } from './support/client.ts';
import { serve, stopAll } from './support/serve.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-graceful-'));
});
afterEach(stopAll);
afterAll(() => rm(folder, { recursive: true, force: true }));

test.skipIf(process.env.PLANIMETER_FULL !== '1')(
  'a service that is told to stop gives its job back',
  { timeout: 180_000 },
  async () => {
    const { image } = await writeTown(join(folder, 'town'), { seed: 4, width: 2400, height: 2000, gsdMetres: 0.5 });
    const data = join(folder, 'data');
    const service = await serve(data);
    let log = '';
    service.process.stderr!.on('data', (chunk) => {
      log += chunk;
    });
    const scene = await waitForScene(service.url, await upload(service.url, image));
    const { id } = await startJob(service.url, scene.id);
    while ((await getJson<JobJson>(`${service.url}/jobs/${id}`)).progress.stage !== 'infer') await sleep(20);
    const gone = once(service.process, 'exit');
    service.process.kill('SIGTERM');
    expect(await gone).toEqual([0, null]);

    const lines = log
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'info', job: id, msg: expect.stringMatching(/given back/) }),
    );
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
    const db = await openDatabase({ folder: join(data, 'database') });
    expect((await getJob(db, id))?.state, 'waits for the next one').toBe('queued');
    await db.close();

    const next = await serve(data);
    expect((await waitForJob(next.url, id)).state).toBe('done');
    expect((await readdir(join(data, 'files', 'jobs', id))).sort()).toEqual(['classes.tif', 'scores.tif']);
  },
);
