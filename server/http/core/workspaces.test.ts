/** Every documented route, asked with another workspace's token for what is there: as if it were not. */
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import { addDoneJob, addScene, startService, type TestService } from '../../../test/support/http-service.ts';
import { insertJob } from '../../store/tables/jobs.ts';
import { createToken } from '../../store/tables/tokens.ts';
import { openapiDocument } from '../openapi/document.ts';

const METHODS = ['get', 'post', 'head', 'patch', 'delete'];
const document = openapiDocument('1.2.3', 'http://localhost');
const routes = Object.entries(document.paths).flatMap(([path, item]) =>
  METHODS.filter((method) => method in item).map((method) => [method, path] as const),
);
const RINGS: [number, number][][] = [
  [
    [0, 0],
    [0, 900],
    [900, 900],
  ],
];
const FEATURES = ['landuse', 'buildings', 'orchards'].map((collection) => ({
  collection,
  class: 'water',
  rings: RINGS,
}));

describe.each(testEngines())('on $name', ({ open }) => {
  let opened: Awaited<ReturnType<typeof open>>;
  let service: TestService;
  const tokens: Record<string, string> = {};
  /** What is in the workspace "north". */
  const theirs = {} as Record<'scene' | 'job' | 'waiting' | 'feature' | 'upload' | 'token', string>;

  beforeAll(async () => {
    opened = await open();
    const { db } = opened;
    service = await startService(db);
    tokens.admin = (await createToken(db, { name: 'me', role: 'admin' })).token;
    for (const workspace of ['north', 'south']) {
      const { id, token } = await createToken(db, { name: workspace, role: 'admin', workspace });
      tokens[workspace] = token;
      if (workspace === 'north') theirs.token = id;
    }
    const north = db.within({ workspace: 'north' });
    theirs.scene = await addScene(north);
    const { job, ids } = await addDoneJob(db, theirs.scene, FEATURES, 'north');
    [theirs.job, theirs.feature, theirs.waiting] = [job, ids[0]!, randomUUID()];
    await insertJob(north, { id: theirs.waiting, scene: theirs.scene, model: 'landuse-unet', parameters: {} });
    for (const file of ['classes.tif', 'scores.tif', 'exports/all.gpkg']) {
      const path = service.files.path(`jobs/${job}/${file}`);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, 'secret');
    }
    const created = await upload('north');
    expect(created.status).toBe(201);
    theirs.upload = created.headers.get('location')!.split('/').at(-1)!;
  });
  afterAll(async () => {
    await service.close();
    await opened.drop();
  });

  const bearer = (who: string) => ({ Authorization: `Bearer ${tokens[who]}` });
  const upload = (who: string) =>
    fetch(`${service.address}/uploads`, {
      method: 'POST',
      headers: { ...bearer(who), 'Tus-Resumable': '1.0.0', 'Upload-Length': '5', 'Upload-Metadata': 'filename YQ==' },
    });

  /** The route with what is in the workspace "north" put in; null where nothing of it is named. */
  function filled(path: string): { path: string; named: boolean } {
    const id = path.startsWith('/scenes')
      ? theirs.scene
      : path.startsWith('/jobs')
        ? theirs.job
        : path.startsWith('/uploads')
          ? theirs.upload
          : path.startsWith('/tokens')
            ? theirs.token
            : theirs.feature;
    const values: Record<string, string> = {
      ...{ z: '14', x: '10732', y: '7013', format: path.includes('export') ? 'gpkg' : 'png', model: 'landuse-unet' },
      ...{ id, job: theirs.job, scene: theirs.scene, collection: 'orchards', precision: 'fp32' },
    };
    const query = path.endsWith('/histogram') ? '?property=score' : '';
    const put = path.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? id) + query;
    return { path: put, named: [...Object.values(theirs), 'orchards'].some((secret) => put.includes(secret)) };
  }

  test.each(routes)('%s %s', async (method, route) => {
    const { path, named } = filled(route);
    const tus = path.startsWith('/uploads') ? { 'Tus-Resumable': '1.0.0', 'Upload-Offset': '0' } : {};
    const patch = method === 'patch' ? { 'Content-Type': 'application/offset+octet-stream' } : {};
    const sent = route === '/jobs' && method === 'post' ? JSON.stringify({ scene: theirs.scene }) : undefined;
    for (const who of ['south', 'admin']) {
      // An admin of the default workspace looks after everybody's tokens, not after their data.
      if (who === 'admin' && /^\/(tokens|models)/.test(route)) continue;
      const response = await fetch(service.address + path, {
        method: method.toUpperCase(),
        headers: { ...bearer(who), ...tus, ...patch, ...(sent && { 'Content-Type': 'application/json' }) },
        redirect: 'manual',
        ...(sent && { body: sent }),
        ...(method === 'patch' && { body: 'x' }),
        ...(route.endsWith('/aggregate') &&
          method === 'post' && { body: AREA, headers: { ...bearer(who), 'Content-Type': 'application/geo+json' } }),
      });
      const text = await response.text();
      expect(response.status, text).toBeLessThan(500);
      if (named || sent) expect(response.status, `${who}: ${text}`).toBe(404);
      for (const secret of Object.values(theirs))
        if (!`${path}${sent}`.includes(secret)) expect(text).not.toContain(secret);
      expect(text).not.toContain('orchards",');
      if (method !== 'head' && named) expect(text).not.toContain('secret');
    }
  });

  test('and everything is still there for its own', async () => {
    for (const path of [`/scenes/${theirs.scene}`, `/jobs/${theirs.job}`, `/jobs/${theirs.waiting}`]) {
      const response = await fetch(service.address + path, { headers: bearer('north') });
      expect([response.status, ((await response.json()) as { workspace: string }).workspace]).toEqual([200, 'north']);
    }
    const items = await fetch(`${service.address}/collections/orchards/items`, { headers: bearer('north') });
    expect(await items.json()).toMatchObject({ numberMatched: 1 });
    const head = await fetch(`${service.address}/uploads/${theirs.upload}`, {
      method: 'HEAD',
      headers: { ...bearer('north'), 'Tus-Resumable': '1.0.0' },
    });
    expect(head.headers.get('upload-offset')).toBe('0');
    expect(await (await fetch(`${service.address}/tokens`, { headers: bearer('north') })).json()).toMatchObject([
      { id: theirs.token, workspace: 'north' },
    ]);
  });

  test('the same image uploaded in two workspaces is two scenes and other jobs', async () => {
    const scenes = await Promise.all(
      ['north', 'south', 'north'].map(async (who) => {
        const location = (await upload(who)).headers.get('location')!;
        const sent = await fetch(new URL(location, service.address), {
          method: 'PATCH',
          headers: {
            ...bearer(who),
            'Tus-Resumable': '1.0.0',
            'Upload-Offset': '0',
            'Content-Type': 'application/offset+octet-stream',
          },
          body: 'image',
        });
        return sent.headers.get('planimeter-scene');
      }),
    );
    expect(scenes[0]).toBeTruthy();
    expect(scenes[2]).toBe(scenes[0]);
    expect(scenes[1]).not.toBe(scenes[0]);
    const ready = await Promise.all(
      ['north', 'south'].map((workspace) =>
        addScene(opened.db.within({ workspace }), { sha256: 'cd'.repeat(32) }).then(async (scene) => {
          const response = await fetch(`${service.address}/jobs`, {
            method: 'POST',
            headers: { ...bearer(workspace), 'Content-Type': 'application/json' },
            body: JSON.stringify({ scene }),
          });
          return (await response.json()) as { id: string; workspace: string };
        }),
      ),
    );
    expect(ready.map(({ workspace }) => workspace)).toEqual(['north', 'south']);
    expect(ready[0]!.id).not.toBe(ready[1]!.id);
  });

  test('an admin makes tokens for their own workspace; one of the default workspace for all', async () => {
    const make = async (who: string, workspace?: string) => {
      const response = await fetch(`${service.address}/tokens`, {
        method: 'POST',
        headers: { ...bearer(who), 'Content-Type': 'application/json' },
        body: JSON.stringify({ name: 'x', role: 'viewer', workspace }),
      });
      return [response.status, ((await response.json()) as { workspace?: string }).workspace];
    };
    expect(await make('south')).toEqual([201, 'south']);
    expect(await make('south', 'north')).toEqual([403, undefined]);
    expect(await make('admin')).toEqual([201, 'default']);
    expect(await make('admin', 'west')).toEqual([201, 'west']);
    expect(await make('admin', 'No Name')).toEqual([400, undefined]);
    const metrics = await fetch(`${service.address}/metrics`, { headers: bearer('south') });
    expect(metrics.status).toBe(403);
  });
});

const AREA = JSON.stringify({
  type: 'FeatureCollection',
  features: [
    {
      type: 'Feature',
      properties: {},
      geometry: {
        type: 'Polygon',
        coordinates: [
          [
            [55, 25],
            [56, 25],
            [56, 26],
            [55, 25],
          ],
        ],
      },
    },
  ],
});
