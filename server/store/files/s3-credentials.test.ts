/**
 * Where credentials for S3 come from when the environment holds no keys: a web identity (moto's STS, a mock of AWS), the
 * role of a container and of a machine (mocks of their metadata services), a profile.
 */

import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as forward, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { startMoto } from '../../../test/support/moto.ts';
import { parseRemoteHosts } from '../../remote/policy.ts';
import { createRemoteReader } from '../../remote/reader.ts';
import { s3FileStore } from './s3-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'planimeter-credentials-'));
const servers: Server[] = [];
/** Key ids and whether there was a session token, of the requests that the bucket's server got. */
const signedBy: { key: string; session: boolean }[] = [];
let moto: Awaited<ReturnType<typeof startMoto>>;
/** The bucket's server, as a proxy that notes who signs. */
let bucket = '';

beforeAll(async () => {
  moto = await startMoto();
  if (!moto) return;
  const { AWS_ENDPOINT_URL } = moto.env;
  bucket = await listen((request, response) => {
    const { method, url, headers } = request;
    const key = /Credential=([^/]+)\//.exec(headers.authorization ?? '')?.[1] ?? 'nobody';
    signedBy.push({ key, session: headers['x-amz-security-token'] !== undefined });
    const upstream = forward(`${AWS_ENDPOINT_URL}${url}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    request.pipe(upstream);
  });
}, 180_000);
beforeEach(() => {
  signedBy.length = 0;
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_PROFILE']) {
    vi.stubEnv(name, undefined);
  }
  for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(name, join(folder, 'none'));
});
afterEach(() => vi.unstubAllEnvs());
afterAll(() => {
  moto?.stop();
  for (const server of servers) server.close().closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});

async function listen(handle: RequestListener): Promise<string> {
  const server = createServer(handle).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const ISSUED = {
  AccessKeyId: 'ASIAMOCKEDROLE',
  SecretAccessKey: 'secret',
  Token: 'session',
  Expiration: new Date(Date.now() + 6 * 3600_000).toISOString(),
};

/** Of a container (ECS, EKS Pod Identity), who shows a token. */
const containerMetadata: RequestListener = ({ headers }, response) => {
  if (headers.authorization !== 'let me in') return response.writeHead(401).end();
  return response.end(JSON.stringify(ISSUED));
};

/** Of a machine (EC2, IMDSv2): a token first, then the name of its role, then the role's keys. */
const machineMetadata: RequestListener = ({ method, url, headers }, response) => {
  const at = '/latest/meta-data/iam/security-credentials/';
  if (method === 'PUT' && url === '/latest/api/token') return response.end('session');
  if (headers['x-aws-ec2-metadata-token'] !== 'session') return response.writeHead(401).end();
  if (url === at) return response.end('planimeter');
  if (url === `${at}planimeter`) return response.end(JSON.stringify({ Code: 'Success', Type: 'AWS-HMAC', ...ISSUED }));
  return response.writeHead(404).end();
};

const SOURCES: [string, () => Promise<Record<string, string>>, { key: unknown; session: boolean }][] = [
  [
    'a web identity, by its token file',
    async () => {
      writeFileSync(join(folder, 'token'), 'a.web.token');
      return {
        AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/planimeter',
        AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'token'),
        AWS_ENDPOINT_URL_STS: moto!.env.AWS_ENDPOINT_URL,
        AWS_REGION: 'us-east-1',
      };
    },
    { key: expect.stringMatching(/^ASIA\w+$/), session: true },
  ],
  [
    "a container's role",
    async () => ({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${await listen(containerMetadata)}/v1/credentials`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 'let me in',
    }),
    { key: ISSUED.AccessKeyId, session: true },
  ],
  [
    "a machine's role",
    async () => ({ AWS_EC2_METADATA_SERVICE_ENDPOINT: await listen(machineMetadata) }),
    { key: ISSUED.AccessKeyId, session: true },
  ],
  [
    'a profile',
    async () => {
      writeFileSync(
        join(folder, 'credentials'),
        '[maps]\naws_access_key_id = OFPROFILE\naws_secret_access_key = secret\n',
      );
      return { AWS_PROFILE: 'maps', AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials') };
    },
    { key: 'OFPROFILE', session: false },
  ],
];

test.each(SOURCES)('%s', { timeout: 60_000 }, async (name, provide, expected) => {
  if (!moto) return;
  for (const [variable, value] of Object.entries(await provide())) vi.stubEnv(variable, value);
  const env = { AWS_ENDPOINT_URL_S3: bucket, AWS_REGION: 'us-east-1' };
  const files = s3FileStore('s3://maps', { folder: mkdtempSync(join(folder, 'store-')), env });
  mkdirSync(dirname(files.path('scenes/a.tif')), { recursive: true });
  writeFileSync(files.path('scenes/a.tif'), name);
  await files.put('scenes/a.tif');
  const reader = createRemoteReader(parseRemoteHosts('s3://maps'), { env });
  expect(await reader.look('s3://maps/scenes/a.tif')).toMatchObject({ bytes: name.length });
  reader.close();
  expect(signedBy).toEqual([expected, expected]);
});
