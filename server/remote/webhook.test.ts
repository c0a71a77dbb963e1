/** Messages are signed as receivers' libraries check it, and the secret is told to nobody. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { policyOfUser } from './policy.ts';
import { sendWebhook, signatureOf, webhookSecret } from './webhook.ts';

// The example of the specification's libraries: standard-webhooks/libraries, test "sign function".
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

let answer: (request: IncomingMessage) => [status: number, headers?: Record<string, string>];
const heard: { headers: IncomingMessage['headers']; url: string; body: string }[] = [];
const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  heard.push({ headers: request.headers, url: request.url!, body });
  const [status, headers] = answer(request);
  response.writeHead(status, headers).end('x'.repeat(100_000));
});
let url: URL;
beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?token=hidden`);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const send = (to = url, signal = new AbortController().signal) =>
  sendWebhook(
    { url: to, secret: webhookSecret(SECRET), policy: policyOfUser(to) },
    { id: 'img_1', body: '{"a":1}' },
    signal,
  );

test('the signature is that of Standard Webhooks', () => {
  const signed = signatureOf(webhookSecret(SECRET), 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}');
  expect(signed).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

test('what is sent is signed; every answer but 2xx is a failure, and redirects are not followed', async () => {
  answer = () => [204];
  await send();
  const { headers, body } = heard.at(-1)!;
  expect(headers['webhook-id']).toBe('img_1');
  const signed = signatureOf(webhookSecret(SECRET), 'img_1', Number(headers['webhook-timestamp']), body);
  expect(headers['webhook-signature']).toBe(signed);

  for (const status of [301, 400, 410, 500]) {
    answer = () => [status, { location: '/elsewhere' }];
    const failure = { code: 'remote_unreachable', message: expect.stringContaining(`${status}`) };
    await expect(send()).rejects.toMatchObject(failure);
  }
  expect(heard.map((each) => each.url)).not.toContain('/elsewhere');
  const closed = new URL('http://127.0.0.1:9/hook?token=hidden');
  const error: Error = await send(closed).catch((failed) => failed);
  expect(error).toMatchObject({ code: 'remote_unreachable' });
  expect(error.message).not.toContain('hidden');
  await expect(send(url, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
});

test('nothing is sent to an address with credentials, nor by another protocol', async () => {
  for (const address of ['http://user:word@127.0.0.1/', 'ftp://127.0.0.1/']) {
    await expect(send(new URL(address))).rejects.toMatchObject({ code: 'remote_forbidden' });
  }
});

test.each([undefined, '', 'short', 'whsec_AAAA', `${'A'.repeat(40)}!`, 'A'.repeat(400)])('%s is no secret', (text) => {
  expect(() => webhookSecret(text)).toThrow('openssl rand -base64 32');
  if (text) expect(() => webhookSecret(text)).not.toThrow(text);
});
