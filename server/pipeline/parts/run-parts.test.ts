/** A job done in shards by several workers ends with the bytes, features and figures of one done in one piece. */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findNetwork, type Network } from '../../../models/registry.ts';
import { DEFAULT_RUN } from '../../../models/runtime/run-profile.ts';
import { writeTown } from '../../../synthetic/town/town.ts';
import { testEngines } from '../../../test/support/databases.ts';
import { addedNetwork } from '../../../test/support/networks/added-network.ts';
import { randomUNet } from '../../../test/support/networks/onnx-writer.ts';
import { mapped, sceneOf } from '../../../test/support/scene.ts';
import { type Compute, startCompute } from '../../processes/compute.ts';
import type { Part } from '../../queue/pg-boss.ts';
import { type Queue, startQueue } from '../../queue/queue.ts';
import { createRemoteReader } from '../../remote/reader.ts';
import type { ReadyScene } from '../../scenes/ready-scene.ts';
import { type FileStore, localFileStore } from '../../store/files/file-store.ts';
import { getJob, insertJob, type Job } from '../../store/tables/jobs.ts';
import type { PipelineTools } from '../../tools.ts';
import { parseParameters } from '../job-parameters.ts';
import { runJob } from '../pipeline.ts';
import { removeParts } from './run-parts.ts';

/** Three shards of up to seven chips, and three strips. */
const [WIDTH, HEIGHT, SHARD_HEIGHT] = [200, 4700, 1792];

let folder: string;
let network: Network;
/** One that tells the probability of every class. */
let telling: Network;
let image: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-parts-'));
  network = await findNetwork('landuse-fcn');
  const path = join(folder, 'telling.onnx');
  await writeFile(path, randomUNet({ seed: 3, bands: 3, classes: 4 }));
  const classes = ['other', 'building', 'road', 'water'].map((name, value) => ({ name, value }));
  ({ network: telling } = await addedNetwork(path, { said: { divisor: 255, gsdMetres: 1, classes } }));
  ({ image } = await writeTown(join(folder, 'town'), { seed: 4, width: WIDTH, height: HEIGHT, gsdMetres: 1 }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The same store for a machine that writes in a folder of its own before it stores, as with a bucket. */
function asOnMachine(store: FileStore, scratch: string, beforePut: (key: string) => Promise<unknown>): FileStore {
  const path = (key: string) => join(scratch, key);
  return {
    ...store,
    path,
    async put(key) {
      await beforePut(key);
      await mkdir(dirname(store.path(key)), { recursive: true });
      await rename(path(key), store.path(key));
    },
    async remove(prefix) {
      await store.remove(prefix);
      await rm(path(prefix), { recursive: true, force: true });
    },
  };
}

describe.each(testEngines())('on $name', ({ name, open }) => {
  const remote = createRemoteReader(null);
  let compute: Compute;
  let tools: PipelineTools;
  let scene: ReadyScene;
  let drop: () => Promise<void>;
  let queues: Queue[];
  /** What was done of jobs, in order. */
  let done: string[] = [];
  /** Takes from all machines what they have not stored. */
  let forget: (key: string) => Promise<unknown>;
  /** Jobs whose parts were discarded. */
  const discarded = new Set<string>();
  /** Parts that are worked on. */
  let working = 0;
  /** Called ahead of each file that a machine stores. */
  let beforePut: (key: string) => Promise<unknown> = async () => {};
  /** Called ahead of each part. */
  let before: (part: Part | undefined, job: string) => void | Promise<void> = () => {};

  beforeAll(async () => {
    compute = startCompute(remote.open);
    const database = await open();
    drop = database.drop;
    const chooseRun = async () => ({ ...DEFAULT_RUN, core: 256 });
    const files = localFileStore(join(folder, name));
    tools = { db: database.db, files, compute, remote, device: 'cpu', chooseRun, shardHeight: SHARD_HEIGHT };
    scene = await sceneOf(tools, image);
    const handlersOf = (its: PipelineTools) => ({
      drawing: 2,
      ingest: async () => {},
      async segment(id: string, context: Parameters<typeof runJob>[2]) {
        await before(context.part, id);
        const { parameters: given, model } = (await getJob(its.db, id))!;
        const run = model === network.id ? network : telling;
        const job = { id, scene, network: run, parameters: parseParameters(given), modelReason: 'asked for' };
        working++;
        await runJob(its, job, context).finally(() => working--);
        done.push(`${id.slice(0, 4)} ${context.part ?? 'plan'}`);
      },
      async discard(id: string) {
        await removeParts(its, id);
        discarded.add(id);
      },
    });
    const { db, url } = database;
    const scratch = (machine: number) => join(folder, `${name}-machine-${machine}`);
    const machines =
      name === 'postgresql'
        ? [1, 2, 3].map((each) => asOnMachine(files, scratch(each), (key) => beforePut(key)))
        : [files];
    forget = (key) =>
      Promise.all([1, 2, 3].map((each) => rm(join(scratch(each), key), { recursive: true, force: true })));
    queues = await Promise.all(machines.map((its) => startQueue(db, { url }, handlersOf({ ...tools, files: its }))));
  });
  afterAll(async () => {
    for (const queue of queues) await queue.stop();
    await compute.stop();
    remote.close();
    await drop();
  });

  async function start(parameters: object = {}, priority = 0, model = network.id): Promise<string> {
    const id = randomUUID();
    await insertJob(tools.db, { id, scene: scene.id, model, parameters: { ...parameters }, priority });
    await queues[0].enqueueSegment(id);
    return id;
  }

  async function ended(id: string): Promise<Job> {
    for (;;) {
      const job = (await getJob(tools.db, id))!;
      if (job.state !== 'queued' && job.state !== 'running') return job;
      await sleep(20);
    }
  }

  const bytesOf = async (id: string) =>
    (await Promise.all(['classes', 'scores'].map((map) => tools.files.fetch(`jobs/${id}/${map}.tif`)))).map((path) =>
      readFile(path, 'base64'),
    );
  const featuresOf = (id: string) =>
    tools.db.query(
      `SELECT level, collection, class, score, area_m2, encode(ST_AsBinary(geom), 'hex') AS geom, properties
         FROM planimeter.features WHERE job = (SELECT key FROM planimeter.jobs WHERE id = $1)
        ORDER BY collection, level, class, geom`,
      [id],
    );

  test('bytes, features and figures are those of one piece; a shard that fails is done again', async () => {
    const whole = await mapped({ ...tools, shardHeight: 10_000 }, scene, network);

    let failures = 0;
    before = async (part, id) => {
      if (part === 1 && failures++ === 0) throw new Error('the accelerator coughed');
      if (part === 'maps' || part === 'merge') await forget(`jobs/${id}`); // as on a machine that has computed no shard
      if (part === 'merge') told = (await getJob(tools.db, id))!.progress;
    };
    done = [];
    let told = {};
    const job = await ended(await start());
    before = () => {};
    expect(told).toMatchObject({ stage: 'vectorize', done: 3, total: 3 });
    expect(done.filter((part) => part.endsWith('maps')).length).toBe(1);
    expect(failures).toBe(2);
    expect(job).toMatchObject({ state: 'done', problem: null });
    const report = job.report!;
    for (const same of ['counts', 'ledger', 'seam', 'geometry', 'chips', 'model_grid'] as const) {
      expect(report[same], same).toEqual(whole[same]);
    }
    expect(await Promise.all(await bytesOf(job.id))).toEqual(await Promise.all(await bytesOf(whole.job)));
    expect(await featuresOf(job.id)).toEqual(await featuresOf(whole.job));
    const left = () => tools.files.list(`jobs/${job.id}`); // shards go after the job is done
    await expect
      .poll(left)
      .toEqual(
        [`jobs/${job.id}/classes.tif`, `jobs/${job.id}/planes.tif`, `jobs/${job.id}/scores.tif`].filter(
          (key) => network.planes.length > 0 || !key.includes('planes'),
        ),
      );
  });

  const both = process.env.PLANIMETER_FULL === '1' || name === 'postgresql';
  test.each(both ? ['features', 'probabilities'] : ['probabilities'])(
    'the bytes of %s that were asked for are those of one piece',
    async (map) => {
      const of = map === 'features' ? network : telling;
      const bytes = async (id: string) => readFile(await tools.files.fetch(`jobs/${id}/${map}.tif`));
      const whole = await mapped({ ...tools, shardHeight: 10_000 }, scene, of, { [map]: true });
      const otherChips = { ...tools, shardHeight: 10_000, chooseRun: async () => ({ ...DEFAULT_RUN, core: 512 }) };
      const chipped = await mapped(otherChips, scene, of, { [map]: true });
      done = [];
      const job = await ended(await start({ [map]: true }, 0, of.id));
      expect(job).toMatchObject({ state: 'done', problem: null });
      expect(done.filter((part) => /\d$/.test(part)).length).toBeGreaterThan(1);
      const one = await bytes(whole.job);
      expect(one.equals(await bytes(job.id))).toBe(true);
      expect(one.equals(await bytes(chipped.job))).toBe(true);
    },
  );

  test.runIf(both)(
    'a small job does not wait for the shards of a large one, nor an urgent one for anybody',
    async () => {
      const order: string[] = [];
      let release = () => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      const names = new Map<string, string>();
      before = async (part, id) => {
        order.push(`${names.get(id)} ${part ?? 'plan'}`);
        if (names.get(id) === 'first') await held;
      };
      // As many jobs as workers hold them, so that the others wait together.
      const first = await Promise.all(queues.map(() => start({ min_area_m2: 1 })));
      for (const id of first) names.set(id, 'first');
      const large = await start();
      names.set(large, 'large');
      release();
      while (!order.includes('large 0')) await sleep(5);
      const later = await start({ min_area_m2: 5 });
      names.set(later, 'later');
      const urgent = await start({ min_area_m2: 6 }, 1);
      names.set(urgent, 'urgent');
      for (const id of [...first, large, later, urgent]) expect((await ended(id)).state).toBe('done');
      before = () => {};
      const at = (what: string) => order.indexOf(what);
      expect(at('later plan')).toBeLessThan(at('large 2'));
      expect(at('urgent 2')).toBeLessThan(at('later 2'));
      expect(order.filter((each) => each === 'large merge').length).toBe(1);
    },
  );

  test('cancelled in the middle, nothing is left and nobody goes on', async () => {
    let id = '';
    let cancelled = Promise.resolve();
    before = (part) => {
      if (part === 1) cancelled = queues[0].cancel(id);
    };
    id = await start({ min_area_m2: 30 });
    expect((await ended(id)).state).toBe('cancelled');
    await cancelled;
    before = () => {};
    // Parts that were under way when it was cancelled come to their end, and take what they had written with them.
    const left = async () => [working, discarded.has(id), await tools.files.list(`jobs/${id}`)];
    await expect.poll(left).toEqual([0, true, []]);
    done = [];
    await sleep(1500);
    expect([done, await left()]).toEqual([[], [0, true, []]]);
    await queues[0].retry(id);
    expect(await ended(id)).toMatchObject({ state: 'done', report: { ledger: { pending: 0, failed: 0 } } });
  });

  test.skipIf(name === 'pglite')(
    'a job whose shard cannot be had fails, with nothing left',
    async () => {
      before = (part) => {
        if (part === 2) throw new Error('never');
      };
      const id = await start({ min_area_m2: 40 });
      // A machine is slow: its shard ends after the job has failed and its files were removed.
      beforePut = async (key) => {
        while (key.startsWith(`jobs/${id}/shards/1/`) && !discarded.has(id)) await sleep(20);
      };
      const job = await ended(id);
      before = () => {};
      expect(job).toMatchObject({ state: 'failed', problem: { code: 'internal' } });
      while (!discarded.has(id) || working > 0) await sleep(20);
      expect(await tools.files.list(`jobs/${job.id}`)).toEqual([]);
    },
    60_000,
  );
});
