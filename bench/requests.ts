/** Asks a service, or two in turns, for addresses by several clients at once: how many a second, and how long they take. */
import { Agent, get, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';

export interface Speed {
  /** Requests a second. */
  rate: number;
  /** Milliseconds that half of the requests took at most, and 95 % of them. */
  p50: number;
  p95: number;
  /** ETags, an address each. */
  tags: (string | null)[];
}

/** Parts in which the two sides are asked in turns. */
const TURNS = 8;

/** Both in turns, part of the addresses by part, so that what else the machine does is shared. */
export async function measureInTurns(
  mine: readonly string[],
  theirs: readonly string[],
  concurrency: number,
): Promise<[Speed, Speed]> {
  const sides = [mine, theirs].map((addresses) => ({ addresses, parts: [] as Measured[] }));
  const length = Math.ceil(mine.length / TURNS);
  for (let turn = 0; turn < TURNS; turn++) {
    for (const { addresses, parts } of turn % 2 === 0 ? sides : [...sides].reverse()) {
      parts.push(await fetchAll(addresses.slice(turn * length, (turn + 1) * length), concurrency));
    }
  }
  const [ours, peer] = sides.map(({ parts }) => speedOf(parts));
  return [ours, peer];
}

/** @param known ETags of what the client has already: the answer must be that nothing changed */
export async function measure(
  addresses: readonly string[],
  concurrency: number,
  known: readonly (string | null)[] = [],
): Promise<Speed> {
  return speedOf([await fetchAll(addresses, concurrency, known)]);
}

interface Measured {
  /** Of each request. */
  milliseconds: number[];
  whole: number;
  tags: (string | null)[];
}

async function fetchAll(
  addresses: readonly string[],
  concurrency: number,
  known: readonly (string | null)[] = [],
): Promise<Measured> {
  const milliseconds: number[] = [];
  const tags: (string | null)[] = [];
  // Of its own, and not by way of `fetch`: what the client costs is taken from the same cores.
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  let next = 0;
  const client = async () => {
    while (next < addresses.length) {
      const at = next++;
      const started = performance.now();
      const headers = known[at] ? { 'If-None-Match': known[at], 'Cache-Control': 'max-age=0' } : {};
      const { statusCode, headers: answered } = await read(addresses[at], headers, agent);
      const expected = known[at] ? [304] : [200, 204];
      if (!expected.includes(statusCode!)) throw new Error(`${addresses[at]}: ${statusCode}`);
      milliseconds.push(performance.now() - started);
      tags[at] = answered.etag ?? null;
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: concurrency }, client));
  const whole = performance.now() - started;
  agent.destroy();
  return { milliseconds, whole, tags };
}

/** An answer whose body has been read and thrown away. */
function read(address: string, headers: Record<string, string>, agent: Agent): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(address, { agent, headers }, (response) => {
      response
        .resume()
        .once('end', () => resolve(response))
        .once('error', reject);
    }).once('error', reject);
  });
}

function speedOf(parts: readonly Measured[]): Speed {
  const times = parts.flatMap(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))];
  const whole = parts.reduce((sum, part) => sum + part.whole, 0);
  return {
    rate: (1000 * times.length) / whole,
    p50: at(0.5),
    p95: at(0.95),
    tags: parts.flatMap(({ tags }) => tags),
  };
}

export function speedText({ rate, p50, p95 }: Speed): string {
  return `${rate.toFixed(1)}/s, p50 ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms`;
}

/** Waits until a server answers. Throws when it does not within a minute. */
export async function answered(address: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const response = await fetch(address).catch(() => null);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  throw new Error(`${address} did not answer`);
}

/** A port of 127.0.0.1 that nobody uses. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
