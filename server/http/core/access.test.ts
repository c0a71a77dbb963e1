import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import { addScene, startService, type TestService } from '../../../test/support/http-service.ts';
import type { Role } from '../../api/index.ts';
import { DEFAULT_LIMITS } from '../../operations/quotas.ts';
import type { Database } from '../../store/database/database.ts';
import { updateScene } from '../../store/tables/scenes.ts';
import { createToken, revokeToken } from '../../store/tables/tokens.ts';
import { ADMISSION_MS } from '../native/events.ts';
import { openapiDocument } from '../openapi/document.ts';
import { createAccess } from './access.ts';

const METHODS = ['get', 'post', 'head', 'patch', 'delete', 'options'];
const OPEN = ['get /health', 'get /ready', 'get /openapi.json', 'get /session', 'post /session', 'delete /session'];
const EDITOR_READS = [
  'get /jobs/{id}/shares',
  'get /jobs/{id}/samples',
  'get /jobs/{id}/samples/{sample}',
  'get /jobs/{id}/samples/{sample}/{file}.{format}',
];
const ADMIN = [
  'get /audit',
  'post /models',
  'get /models/{model}/{precision}.onnx',
  'delete /models/{model}',
  'get /tokens',
  'post /tokens',
  'delete /tokens/{id}',
];

const document = openapiDocument('1.2.3', 'http://localhost');
const routes = Object.entries(document.paths).flatMap(([path, item]) =>
  METHODS.filter((method) => method in item).map((method) => `${method} ${path}`),
);

describe.each(testEngines())('on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  let service: TestService;
  const tokens = {} as Record<Role | 'expired' | 'revoked', string>;

  beforeAll(async () => {
    ({ db, drop } = await open());
    service = await startService(db);
  });
  afterAll(async () => {
    await service.close();
    await drop();
  });

  const ask = (route: string, headers: Record<string, string> = {}, at = service) => {
    const [method, path] = route.split(' ');
    const filled = path!.replace(/\{[^}]+\}/g, '00000000-0000-0000-0000-000000000000');
    const init = { method: method!.toUpperCase(), headers, redirect: 'manual' as const };
    return fetch(at.address + filled, init);
  };
  const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

  test('without a token in the database everything is open, unless others reach the service', async () => {
    expect((await ask('get /scenes')).status).toBe(200);
    expect((await ask('get /tokens')).status).toBe(200);
    const reached = await startService(db, { access: createAccess(db, true) });
    expect((await ask('get /scenes', {}, reached)).status).toBe(401);
    expect((await ask('get /health', {}, reached)).status).toBe(200);
    await reached.close();
  });

  test('the first token is an admin’s; a token is shown once and kept as a hash', async () => {
    await expect(createToken(db, { name: 'me', role: 'editor' })).rejects.toMatchObject({ code: 'bad_request' });
    for (const role of ['admin', 'editor', 'viewer'] as const) {
      tokens[role] = (await createToken(db, { name: role, role })).token;
    }
    tokens.expired = (await createToken(db, { name: 'old', role: 'admin', days: 1e-9 })).token;
    const revoked = await createToken(db, { name: 'lost', role: 'admin' });
    tokens.revoked = revoked.token;
    await revokeToken(db, revoked.id, null);
    await expect(revokeToken(db, revoked.id, null)).rejects.toMatchObject({ code: 'not_found' });
    await expect(createToken(db, { name: '', role: 'viewer' })).rejects.toMatchObject({ code: 'bad_request' });
    await expect(createToken(db, { name: 'x', role: 'root' })).rejects.toMatchObject({ code: 'bad_request' });
    await expect(createToken(db, { name: 'x', role: 'viewer', days: -1 })).rejects.toMatchObject({
      code: 'bad_request',
    });
    const rows = JSON.stringify(await db.query('SELECT * FROM planimeter.tokens'));
    for (const token of Object.values(tokens)) expect(rows).not.toContain(token);
    await service.close();
    service = await startService(db, { limits: { ...DEFAULT_LIMITS, wrongTokensAMinute: 1e6 } });
    const listed = await (await ask('get /tokens', bearer(tokens.admin))).text();
    expect(JSON.parse(listed)).toHaveLength(4);
    expect(listed).not.toContain('sha256');
  });

  test.each(routes)('%s wants its role', async (route) => {
    const reads = /^(get|head|options) |\/(aggregate|search)$/.test(route);
    const least = ADMIN.includes(route) ? 'admin' : reads && !EDITOR_READS.includes(route) ? 'viewer' : 'editor';
    for (const headers of [{}, bearer('planimeter_wrong'), bearer(tokens.expired), bearer(tokens.revoked)]) {
      const response = await ask(route, headers);
      if (OPEN.includes(route)) expect(response.status).not.toBe(401);
      else {
        expect(response.status, `${route} ${JSON.stringify(headers)}`).toBe(401);
        expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
        if (!route.startsWith('head')) expect(await response.json()).toMatchObject({ code: 'unauthorized' });
      }
    }
    if (OPEN.includes(route)) return;
    const roles = ['viewer', 'editor', 'admin'] as const;
    for (const role of roles) {
      const enough = roles.indexOf(role) >= roles.indexOf(least);
      if (enough && !reads) continue; // it would be done
      const response = await ask(route, bearer(tokens[role]));
      if (enough) expect([401, 403], route).not.toContain(response.status);
      else expect(await response.json(), `${role}: ${route}`).toMatchObject({ status: 403, code: 'not_allowed' });
      await response.body?.cancel().catch(() => {});
    }
  });

  test.each(['/TOKENS', '/tokens/', '/%74okens', '//tokens', '/tokens?', '/x/../tokens'])(
    '%s gives an editor no tokens',
    async (path) => {
      const response = await fetch(service.address + path, { headers: bearer(tokens.editor) });
      expect([403, 404]).toContain(response.status);
    },
  );

  test('a browser signs in with a page, keeps the token in a cookie that scripts cannot read, and signs out', async () => {
    const sentAway = await ask('get /', { Accept: 'text/html' });
    expect([sentAway.status, sentAway.headers.get('location')]).toEqual([303, '/session']);
    const page = await ask('get /session');
    expect(page.headers.get('content-security-policy')).not.toMatch(/unsafe|script-src/);
    expect(await page.text()).toContain('<form method="post" action="session">');
    const send = (token: string, origin: string) =>
      fetch(`${service.address}/session`, {
        method: 'POST',
        headers: { Origin: origin },
        body: new URLSearchParams({ token }),
        redirect: 'manual',
      });
    expect((await send('planimeter_<b>wrong', service.address)).status).toBe(401);
    expect((await send(tokens.viewer, 'http://elsewhere.example')).status).toBe(403);
    const signedIn = await send(tokens.viewer, service.address);
    expect([signedIn.status, signedIn.headers.get('location')]).toEqual([303, '/']);
    const cookie = signedIn.headers.get('set-cookie')!;
    expect(cookie).toMatch(/HttpOnly/);
    expect(cookie).toMatch(/SameSite=Strict/);
    const kept = { Cookie: `other=1; ${cookie.split(';')[0]}` };
    expect((await ask('get /scenes', kept)).status).toBe(200);
    expect((await ask('post /scenes/demo', kept)).status).toBe(403);
    expect((await ask('delete /session', kept)).headers.get('set-cookie')).toMatch(/Expires=Thu, 01 Jan 1970/);
  });

  test('admins make and revoke tokens over HTTP; a revoked one opens nothing', async () => {
    const made = await fetch(`${service.address}/tokens`, {
      method: 'POST',
      headers: { ...bearer(tokens.admin), 'Content-Type': 'application/json' },
      body: JSON.stringify({ name: 'field office', role: 'editor', days: 7 }),
    });
    expect(made.status).toBe(201);
    const { id, token } = (await made.json()) as { id: string; token: string };
    expect((await ask('get /scenes', bearer(token))).status).toBe(200);
    const revoked = await fetch(`${service.address}/tokens/${id}`, { method: 'DELETE', headers: bearer(tokens.admin) });
    expect(revoked.status).toBe(204);
    expect((await ask('get /scenes', bearer(token))).status).toBe(401);
  });

  test('events go on for a token that holds, and end with it', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const scene = await addScene(db, { ready: false });
      const { id, token } = await createToken(db, { name: 'a while', role: 'viewer' });
      const response = await fetch(`${service.address}/scenes/${scene}/events`, { headers: bearer(token) });
      const events = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      expect((await events.read()).value).toMatch(/^event: scene\n/);
      vi.advanceTimersByTime(ADMISSION_MS);
      await updateScene(db, scene, { progress: 0.5 });
      service.queue.notify('scene', scene);
      expect((await events.read()).value).toContain('"progress":0.5');
      expect((await ask(`delete /tokens/${id}`, bearer(tokens.admin))).status).toBe(204);
      vi.advanceTimersByTime(ADMISSION_MS);
      expect(await events.read()).toMatchObject({ done: true });
      await expect.poll(() => service.queue.subscriptions).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});
