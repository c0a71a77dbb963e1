/** `segment` as a process of OGC API – Processes, also as OWSLib speaks it. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addScene, fetchJson, MODEL, startService, type TestService } from '../../../test/support/http-service.ts';
import { pythonWithClients } from '../../../test/support/python.ts';
import type { JobReport } from '../../api/index.ts';
import type { Database } from '../../store/database/database.ts';
import { openDatabase } from '../../store/database/open-database.ts';
import { publishJob } from '../../store/tables/features.ts';
import { getJob, updateJob } from '../../store/tables/jobs.ts';

let db: Database;
let service: TestService;
beforeAll(async () => {
  db = await openDatabase({});
  service = await startService(db);
});
afterAll(async () => {
  await service.close();
  await db.close();
});

const ask = (path: string, init?: RequestInit) => fetchJson(`${service.address}/ogc${path}`, init);
const execute = (body: unknown, headers: Record<string, string> = {}) =>
  ask('/processes/segment/execution', {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', ...headers },
  });

test('a job is begun, followed to its results and dismissed', async () => {
  const scene = await addScene(db);
  const inputs = { scene, min_area_m2: { value: 30 } };
  const begun = await execute({ inputs, outputs: { report: {}, features: {} } }, { Prefer: 'respond-async' });
  expect(begun.status).toBe(201);
  expect(begun.headers.get('preference-applied')).toBe('respond-async');
  expect(begun.body).toMatchObject({ processID: 'segment', type: 'process', status: 'accepted', progress: 0 });
  const id: string = begun.body.jobID;
  const location = begun.headers.get('location')!;
  expect(location.startsWith(`${service.address}/ogc/jobs/${id}`)).toBe(true);

  const early = await ask(`/jobs/${id}/results`);
  expect([early.status, early.body.type]).toEqual([404, expect.stringMatching(/result-not-ready$/)]);
  expect(await getJob(db, id)).toMatchObject({ scene, model: MODEL.id, parameters: { min_area_m2: 30 } });
  // The same job as the one that our own interface is asked for.
  const own = await fetchJson(`${service.address}/jobs`, {
    method: 'POST',
    body: JSON.stringify({ scene, parameters: { min_area_m2: 30 } }),
    headers: { 'Content-Type': 'application/json' },
  });
  expect(own.body.id).toBe(id);

  await publishJob(db, id, { job: id, scene, counts: { landuse: 0 } } as unknown as JobReport);
  const { body: status } = await fetchJson(location);
  expect(status).toMatchObject({ status: 'successful', progress: 100, finished: expect.any(String) });
  const link = status.links.find(({ rel }: { rel: string }) => rel.endsWith('/results'));
  const { body: results } = await fetchJson(link.href);
  expect(results).toEqual({
    report: expect.objectContaining({ job: id }),
    features: expect.objectContaining({ href: `${service.address}/jobs/${id}/export.geojson?collection=all` }),
  });
  expect((await fetch(results.features.href)).status).toBe(200);
  expect(Object.keys((await ask(`/jobs/${id}/results`)).body)).toEqual([
    'report',
    'features',
    'geopackage',
    'classes',
    'scores',
  ]);

  const dismissed = await ask(`/jobs/${id}`, { method: 'DELETE' });
  expect([dismissed.status, dismissed.body.status]).toEqual([200, 'dismissed']);
  const gone = await ask(`/jobs/${id}`);
  expect([gone.status, gone.body.type]).toEqual([404, expect.stringMatching(/no-such-job$/)]);
});

test('a running job is ended by dismissing it; what failed says why', async () => {
  const { body: first } = await execute({ inputs: { scene: await addScene(db) } });
  await updateJob(db, first.jobID, { state: 'running' });
  await ask(`/jobs/${first.jobID}`, { method: 'DELETE' });
  expect(service.queue.calls.at(-1)).toBe(`cancel ${first.jobID}`);
  expect(await getJob(db, first.jobID)).toBeNull();

  const { body: second } = await execute({ inputs: { scene: await addScene(db) } });
  const problem = { type: 'about:blank', title: 'x', status: 422, code: 'aoi_outside' as const, detail: 'Elsewhere.' };
  await updateJob(db, second.jobID, { state: 'failed', problem });
  expect((await ask(`/jobs/${second.jobID}`)).body).toMatchObject({ status: 'failed', message: 'Elsewhere.' });
  const failed = await ask(`/jobs/${second.jobID}/results`);
  expect([failed.status, failed.body.code]).toEqual([422, 'aoi_outside']);
  expect((await ask('/jobs?status=failed')).body.jobs.map(({ jobID }: { jobID: string }) => jobID)).toEqual([
    second.jobID,
  ]);
  expect((await ask('/jobs?limit=1')).body.jobs).toHaveLength(1);
});

test('detectors give no maps', async () => {
  const scene = await addScene(db);
  const { body } = await execute({ inputs: { scene } });
  await publishJob(db, body.jobID, { job: body.jobID, scene, counts: { objects: 2 } } as unknown as JobReport);
  expect(Object.keys((await ask(`/jobs/${body.jobID}/results`)).body)).toEqual(['report', 'features', 'geopackage']);
});

test('what cannot be run is refused with a reason', async () => {
  const scene = await addScene(db);
  const refused = async (body: unknown) => {
    const { status, body: problem } = await execute(body);
    return [status, problem.detail] as const;
  };
  expect(await refused([])).toEqual([400, expect.stringContaining('inputs')]);
  expect(await refused({})).toEqual([400, expect.stringContaining('inputs')]);
  expect(await refused({ inputs: { scene: 'x' } })).toEqual([400, expect.stringContaining('scene')]);
  expect(await refused({ inputs: { scene, colour: 1 } })).toEqual([400, expect.stringContaining('colour')]);
  expect(await refused({ inputs: { scene, aoi: { href: 'https://x' } } })).toEqual([
    400,
    expect.stringContaining('aoi'),
  ]);
  expect(await refused({ inputs: { scene }, response: 'raw' })).toEqual([400, expect.stringContaining('document')]);
  expect(await refused({ inputs: { scene }, outputs: { picture: {} } })).toEqual([
    400,
    expect.stringContaining('picture'),
  ]);
  expect(await refused({ inputs: { scene: randomUUID() } })).toEqual([404, expect.any(String)]);
  expect((await ask('/jobs/x')).status).toBe(404);
  expect((await ask('/processes?f=xml')).status).toBe(400);
  const unknown = await ask('/processes/buffer');
  expect([unknown.status, unknown.body.type]).toEqual([404, expect.stringMatching(/no-such-process$/)]);
});

test('every input is described by a schema of its own', async () => {
  const { body } = await ask('/processes/segment');
  expect(Object.keys(body.inputs)).toEqual(expect.arrayContaining(['scene', 'model', 'min_area_m2', 'aoi', 'bands']));
  const described = Object.entries<{ description: string }>(body.inputs);
  expect(described.filter(([name, { description }]) => !description || description === name)).toEqual([]);
  expect(body.inputs.scene).toMatchObject({ minOccurs: 1, schema: { type: 'string' } });
  expect(JSON.stringify(body)).not.toContain('$ref');
});

const SCRIPT = `
import json, sys
from owslib.ogcapi.processes import Processes
client = Processes(sys.argv[1] + '/ogc')
described = client.process('segment')
job = client.execute('segment', {'scene': sys.argv[2], 'min_area_m2': 25}, outputs={'report': {}}, async_=True)
print(json.dumps({
  'processes': [process['id'] for process in client.processes()], 'inputs': len(described['inputs']) > 5,
  'dismiss': any(name.endswith('/dismiss') for name in client.conformance()['conformsTo']), 'job': job,
}))
`;

test('OWSLib starts a job', { timeout: 120_000 }, async () => {
  const python = pythonWithClients();
  if (!python) return;
  const { stdout } = await promisify(execFile)(python, ['-c', SCRIPT, service.address, await addScene(db)]);
  const { job, ...rest } = JSON.parse(stdout);
  expect(rest).toEqual({ processes: ['segment'], inputs: true, dismiss: true });
  const jobs = (await ask('/jobs')).body.jobs.map(({ jobID }: { jobID: string }) => jobID);
  expect(JSON.stringify(job)).toContain(jobs[0]);
});
