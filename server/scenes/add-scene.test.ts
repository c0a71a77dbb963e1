/** One way from an image to a scene: known images are found again, refused ones tried again, none is added twice. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Database } from '../store/database/database.ts';
import { openDatabase } from '../store/database/open-database.ts';
import { listAudit } from '../store/tables/audit.ts';
import { getScene, updateScene } from '../store/tables/scenes.ts';
import { addScene, type NewImage } from './add-scene.ts';

const ACTOR = { workspace: 'default', name: 'Ada' };

let db: Database;
let stored: string[];
let enqueued: string[];
const queue = {
  enqueueIngest: async (id: string) => {
    enqueued.push(id);
  },
};

const image = (sha256: string, changes: Partial<NewImage> = {}): NewImage => ({
  ...{ name: 'a.tif', sha256, bytes: 12 },
  storeOriginal: async (id) => {
    stored.push(id);
  },
  ...changes,
});

beforeAll(async () => {
  db = await openDatabase({});
});
beforeEach(() => {
  stored = [];
  enqueued = [];
});
afterAll(() => db.close());

test('a new image is stored, inserted, noted and enqueued', async () => {
  const id = await addScene({ db, queue }, ACTOR, image('new'));
  expect([stored, enqueued]).toEqual([[id], [id]]);
  expect(await getScene(db, id)).toMatchObject({ state: 'uploaded', name: 'a.tif', bytes: 12 });
  const [entry] = await listAudit(db, { limit: 1 });
  expect(entry).toMatchObject({ actor: 'Ada', action: 'scene_added', subject: id });
});

test('the same image twice at the same moment is one scene', async () => {
  const [one, two] = await Promise.all([1, 2].map(() => addScene({ db, queue }, ACTOR, image('twice'))));
  expect(two).toBe(one);
  expect(enqueued).toEqual([one]);
});

test('a refused image is tried again, whoever brings it, under its id', async () => {
  const id = await addScene({ db, queue }, ACTOR, image('refused'));
  const problem = { type: 'about:blank', title: 'Refused', status: 422, code: 'damaged_tiff' as const, detail: 'No.' };
  await updateScene(db, id, { state: 'refused', problem });
  expect(await addScene({ db, queue }, ACTOR, image('refused', { name: 'b.tif' }))).toBe(id);
  expect(enqueued).toEqual([id, id]);
  expect(await getScene(db, id)).toMatchObject({ state: 'uploaded', problem: null, name: 'b.tif' });
});

test('the same bytes in another coordinate system are another scene', async () => {
  const id = await addScene({ db, queue }, ACTOR, image('placed'));
  await updateScene(db, id, { state: 'ready', srs: 'EPSG:32633' });
  expect(await addScene({ db, queue }, ACTOR, image('placed', { srs: 'EPSG:32633' }))).toBe(id);
  expect(await addScene({ db, queue }, ACTOR, image('placed', { srs: 'EPSG:3857' }))).not.toBe(id);
});

test('an attempt that ended after its scene was inserted goes on with that one, wherever its bytes are said to lie', async () => {
  const half = image('half', { srs: 'EPSG:32633', sceneId: randomUUID() });
  const id = await addScene({ db, queue }, ACTOR, half);
  expect(await addScene({ db, queue }, ACTOR, half)).toBe(id);
});

test('an image that cannot be stored leaves no scene, and does not keep the next attempt from it', async () => {
  const full = image('full', { storeOriginal: () => Promise.reject(new Error('no space')) });
  const attempts = [full, image('full')].map((each) => addScene({ db, queue }, ACTOR, each));
  const [failed, added] = await Promise.allSettled(attempts);
  expect(failed).toMatchObject({ status: 'rejected', reason: { message: 'no space' } });
  expect(added.status).toBe('fulfilled');
});

test('what a workspace has no room for is neither stored nor inserted; of an image read in place only the card counts', async () => {
  const asked: number[] = [];
  const admit = async (_q: unknown, bytes: number) => {
    asked.push(bytes);
    if (bytes > 0) throw new Error('no room');
  };
  await expect(addScene({ db, queue, admit }, ACTOR, image('heavy'))).rejects.toThrow('no room');
  expect([stored, enqueued, asked]).toEqual([[], [], [12]]);
  const id = await addScene({ db, queue, admit }, ACTOR, image('light', { inPlace: true }));
  expect(asked).toEqual([12, 0, 0]);
  expect(
    await db.query('SELECT bytes::integer, stored_bytes::integer FROM planimeter.scenes WHERE id = $1', [id]),
  ).toEqual([{ bytes: 12, stored_bytes: 0 }]);
});
