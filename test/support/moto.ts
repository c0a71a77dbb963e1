/** moto's S3 server (a mock of AWS in Python, from PyPI) as a process of its own, and a proxy before it that fails. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pythonWithMoto } from './python.ts';

/** Starts an S3 server with an empty bucket `maps`; null (said loudly) where there is none. */
export async function startMoto(): Promise<{ env: Record<string, string>; stop(): void } | null> {
  const python = pythonWithMoto();
  if (!python) return null;
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const moto = spawn(python, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  while (!(await fetch(`${endpoint}/moto-api/`).catch(() => null))) {
    if (moto.exitCode !== null) throw new Error(`moto ended with ${moto.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const made = await fetch(`${endpoint}/maps`, { method: 'PUT' });
  if (!made.ok) throw new Error(`moto made no bucket: ${await made.text()}`);
  const keys = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret', AWS_REGION: 'us-east-1' };
  return { env: { AWS_ENDPOINT_URL: endpoint, ...keys }, stop: () => moto.kill('SIGKILL') };
}

/** Of all objects in the bucket, sorted. */
export async function keysOf(endpoint: string): Promise<string[]> {
  const xml = await (await fetch(`${endpoint}/maps?list-type=2`)).text();
  return [...xml.matchAll(/<Key>([^<]*)</g)].map(([, key]) => key!);
}

/** A proxy before `endpoint` that answers with 503, breaks answers off in the middle or waits, for a share of requests. */
export async function startFaults(endpoint: string, random: () => number, share = 0.05) {
  let faults = 0;
  const server = createServer((request, response) => {
    const fault = random();
    if (fault < share / 3) {
      faults++;
      request.resume().on('end', () => response.writeHead(503).end('<Error><Code>SlowDown</Code></Error>'));
      return;
    }
    const { method, url, headers } = request;
    const upstream = forward(`${endpoint}${url}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      if (fault > share) answer.pipe(response);
      else {
        faults++;
        if (fault < (2 * share) / 3)
          answer.once('data', () => response.destroy()).once('end', () => response.destroy());
        else setTimeout(() => answer.pipe(response), 50);
      }
    });
    upstream.on('error', () => response.destroy());
    request.pipe(upstream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults: () => faults,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
