/** Parts of a job end once, and only for the plan that they are of. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MapResult } from '../../../models/mapping/map-scene.ts';
import { testEngines } from '../../../test/support/databases.ts';
import { newJob, newScene } from '../../../test/support/queue-work.ts';
import type { Database } from '../database/database.ts';
import { updateJob } from './jobs.ts';
import {
  deletePlan,
  finishMaps,
  finishShard,
  finishStrip,
  getPlan,
  insertPlan,
  mapsAreJoined,
  openShards,
  openStrips,
  readyStrips,
} from './shards.ts';

describe.each(testEngines())('on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    ({ db, drop } = await open());
  });
  afterAll(() => drop());

  test('what was done for an earlier plan is not taken for the new one', async () => {
    const id = await newJob(db, await newScene(db));
    await updateJob(db, id, { state: 'running' });
    const plan = (turn: string) => ({
      program: 'this',
      planned: {},
      shards: [{ first: 0, end: 2, overviews: 0 }],
      strips: [
        { firstShard: 0, lastShard: 0 },
        { firstShard: 0, lastShard: 0 },
      ],
      turn,
    });
    const ends = (turn: string) =>
      db.transaction(async (session) => [
        await finishShard(session, { id, turn }, 0, {} as MapResult),
        await finishStrip(session, { id, turn }, 0, {}),
        await finishMaps(session, { id, turn }, 5),
      ]);
    await insertPlan(db, id, plan('first'), [4]);
    await deletePlan(db, id);
    await insertPlan(db, id, plan('second'), [4]);
    expect(await getPlan(db, id, 'this')).toMatchObject({ turn: 'second' });
    expect(await ends('first')).toEqual([false, false, false]);
    expect([await openShards(db, id), await openStrips(db, id), await mapsAreJoined(db, id)]).toEqual([[0], 2, false]);
    expect(await ends('second')).toEqual([true, true, true]);
    expect(await ends('second')).toEqual([false, false, false]);
    expect([await readyStrips(db, id), await mapsAreJoined(db, id)]).toEqual([[1], true]);
    expect(await getPlan(db, id, 'another'), 'of another version').toBeNull();
    await updateJob(db, id, { state: 'cancelled' });
    expect(await db.transaction((session) => finishStrip(session, { id, turn: 'second' }, 1, {}))).toBe(false);
  });
});
