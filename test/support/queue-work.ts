/** Work for tests of the queue, and waiting for what becomes of it. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../server/store/database/database.ts';
import { insertJob } from '../../server/store/tables/jobs.ts';
import { insertScene } from '../../server/store/tables/scenes.ts';

/** Throws where the condition does not hold in time. */
export async function eventually(what: string, condition: () => Promise<boolean> | boolean, milliseconds = 20_000) {
  const end = performance.now() + milliseconds;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`after ${milliseconds} ms still not: ${what}`);
    await sleep(15);
  }
}

export async function newScene(db: Database): Promise<string> {
  const id = randomUUID();
  await insertScene(db, { id, name: 'scene', upload: null, sha256: '00', bytes: 1 });
  return id;
}

export async function newJob(db: Database, scene: string): Promise<string> {
  const id = randomUUID();
  await insertJob(db, { id, scene, model: 'm', parameters: {} });
  return id;
}
