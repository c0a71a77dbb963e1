/**
 * One request for a range of bytes: the host's name is resolved, every address that it leads to held against the
 * policy, and the connection made to just these. Redirects are followed one by one in the same way. An answer that is
 * not exactly the range of an unchanged file is none.
 */
import { lookup } from 'node:dns/promises';
import { Agent, type IncomingMessage, type RequestOptions, request as requestPlain } from 'node:http';
import { request as requestTls, Agent as TlsAgent } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { Problem } from '../../errors/problem.ts';
import { hostOf, type RemotePolicy } from './policy.ts';
import { createSigner, regionOf, type Sign, s3Target } from './s3.ts';

export interface RemoteLimits {
  /** Until the head of an answer is there, and between two parts of its body. */
  silenceMs: number;
  /** A whole answer. */
  answerMs: number;
  /** How often a request is made that fails for no lasting reason, and the pause after the first time; then twice that. */
  tries: number;
  pauseMs: number;
  redirects: number;
}

export const REMOTE_LIMITS: RemoteLimits = {
  silenceMs: 15_000,
  answerMs: 120_000,
  tries: 8,
  pauseMs: 300,
  redirects: 5,
};

/** What a file elsewhere was like when it became a scene; it must stay so. */
export interface Version {
  etag: string | null;
  /** Last-Modified, where there is no ETag. */
  modified: string | null;
  bytes: number;
}

export interface Ranges {
  /** The bytes `start` to before `end`; fewer where the file ends. Without a version whatever there is. */
  fetch(start: number, end: number, version: Version | null): Promise<{ bytes: Buffer; version: Version }>;
  close(): void;
}

export type Resolve = (host: string) => Promise<string[]>;

const resolveByDns: Resolve = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

/** Failed for a reason that may pass. */
class Passing extends Error {
  readonly pauseMs: number;
  constructor(message: string, pauseMs = 0) {
    super(message);
    this.pauseMs = pauseMs;
  }
}

const MOST_PAUSE_MS = 10_000;
/** How long the addresses of a name are used before it is resolved, and they are checked, anew. */
const PIN_MS = 5 * 60_000;
const REDIRECTS = [301, 302, 303, 307, 308];
const PASSING = [408, 425, 429];

/** An address as people may see it: what follows the path can be a signature. */
export function shownAddress(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`.slice(0, 200);
}

export interface RangesOptions {
  policy: RemotePolicy;
  limits?: RemoteLimits;
  resolve?: Resolve;
  env?: NodeJS.ProcessEnv;
  /** Of requests to S3. */
  sign?: Sign;
  /** Hears of every request that is made. */
  onRequest?: (bytes: number) => void;
}

/** `address`: https:, http: or s3:. Connections are kept until `close`. */
export function openRanges(address: URL, options: RangesOptions): Ranges {
  const { policy, limits = REMOTE_LIMITS, resolve = resolveByDns, env = process.env, onRequest = () => {} } = options;
  const { sign = createSigner(env) } = options;
  const agents = { 'http:': new Agent({ keepAlive: true }), 'https:': new TlsAgent({ keepAlive: true }) };
  const shown = shownAddress(address);
  const pins = new Map<string, { addresses: Promise<string[]>; until: number }>();
  /** Where redirects have led. */
  let found: URL | null = null;
  /** The credentials here are refused where everybody may read: those of a machine's role often are. */
  let isPublic = false;

  /** Whatever the name leads to at other times, connections are made to what was checked. */
  const pinned = (url: URL, trusted: boolean): Promise<string[]> => {
    const key = `${url.host} ${trusted}`;
    const known = pins.get(key);
    if (known && known.until > Date.now()) return known.addresses;
    const host = hostOf(url);
    const resolving = (isIP(host) ? Promise.resolve([host]) : resolve(host)).then(
      (addresses) => {
        if (!trusted) for (const each of addresses) policy.checkAddress(each, url);
        if (addresses.length > 0) return addresses;
        throw new Passing(`the name ${host} leads nowhere`);
      },
      () => {
        throw new Passing(`the name ${host} is not known`);
      },
    );
    pins.set(key, { addresses: resolving, until: Date.now() + PIN_MS });
    resolving.catch(() => pins.delete(key));
    return resolving;
  };

  const ask = async (start: number, end: number, version: Version | null) => {
    const s3 = address.protocol === 's3:' ? s3Target(address, env) : null;
    let url = s3?.url ?? found ?? address;
    for (let hops = 0; hops <= limits.redirects; hops++) {
      policy.checkUrl(s3 ? address : url);
      const addresses = await inTime(pinned(url, s3?.ownEndpoint === true), limits.silenceMs);
      const agent = agents[url.protocol as keyof typeof agents];
      const get = async (headers: Record<string, string>) => {
        const response = await send(url, { agent, headers, lookup: lookupOf(addresses) }, limits);
        onRequest(0);
        return response;
      };
      const headers = headersOf(start, end, version);
      const signed = s3 && !isPublic ? await signedHeaders(url, headers) : null;
      let response = await get(signed ?? headers);
      if (signed && response.statusCode === 403) {
        response.destroy();
        response = await get(headers);
        isPublic = response.statusCode === 206;
      }
      const { statusCode: status = 0 } = response;
      if (!REDIRECTS.includes(status) || s3) {
        if (found && status >= 400 && status < 500 && status !== 412) {
          // What a redirect led to may have been good for a while only.
          response.destroy();
          found = null;
          throw new Passing(`the address that the server had led to answers with ${status}`);
        }
        if (hops > 0 && status === 206) found = url;
        return read(response, start, end, version);
      }
      const { location } = response.headers;
      response.destroy();
      if (!location || !URL.canParse(location, url.href))
        throw unreachable(`it leads on to nowhere (status ${status})`);
      url = new URL(location, url);
    }
    throw unreachable(`it leads on more than ${limits.redirects} times`);
  };

  const signedHeaders = (url: URL, headers: Record<string, string>) =>
    sign(url, headers).catch((error: Error) => {
      throw new Passing(`no credentials can be had for it (${error.name})`);
    });

  const unreachable = (why: string) => new Problem('remote_unreachable', `${shown} cannot be read: ${why}.`);
  const unsuitable = (why: string) =>
    new Problem('remote_unsuitable', `The server of ${shown} ${why}; put the file on another one, or upload it.`);
  const changed = () =>
    new Problem(
      'remote_changed',
      `${shown} is not the file any more that it was. Add it once more and run the job on that.`,
    );

  const read = async (response: IncomingMessage, start: number, end: number, version: Version | null) => {
    try {
      const { statusCode: status = 0, headers } = response;
      if (status === 412 || (status === 416 && version)) throw changed();
      const region = headers['x-amz-bucket-region'];
      if (status >= 300 && status < 500 && address.protocol === 's3:' && region && region !== regionOf(env)) {
        throw unreachable(`its bucket is in another region; set AWS_REGION=${String(region).slice(0, 40)}`);
      }
      if (status === 401 || status === 403) throw unreachable(`its server refuses (status ${status})`);
      if (status === 404 || status === 410) throw unreachable(`there is no such file (status ${status})`);
      if (status >= 500 || PASSING.includes(status)) {
        throw new Passing(`the server answers with status ${status}`, Number(headers['retry-after'] ?? 0) * 1000 || 0);
      }
      if (status === 200) throw unsuitable('sends whole files where a part is asked for');
      if (status !== 206) throw unreachable(`its server answers with status ${status}`);
      const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers['content-range'] ?? '');
      const [first, last, bytes] = (range ?? []).slice(1).map(Number);
      if (!range || headers['content-encoding'] !== undefined) throw unsuitable('does not say which part it sends');
      const { etag = null } = headers;
      const modified = etag === null ? (headers['last-modified'] ?? null) : null;
      if (etag === null && modified === null) throw unsuitable('gives no ETag, so that a change would not be noticed');
      const now: Version = { etag, modified, bytes };
      if (version && (version.etag !== etag || version.modified !== modified || version.bytes !== bytes))
        throw changed();
      if (first !== start || last !== Math.min(end, bytes) - 1) throw unsuitable('sends another part than asked for');
      const body = await readBody(response, last - first + 1, limits);
      onRequest(body.length);
      return { bytes: body, version: now };
    } finally {
      if (!response.complete) response.destroy();
    }
  };

  return {
    async fetch(start, end, version) {
      for (let tries = 1; ; tries++) {
        try {
          return await ask(start, end, version);
        } catch (error) {
          if (!(error instanceof Passing)) throw error;
          pins.clear(); // the host may have moved
          if (tries >= limits.tries) throw unreachable(`${error.message} (tried ${tries} times)`);
          const pauseMs = Math.max(limits.pauseMs * 2 ** (tries - 1), error.pauseMs);
          await new Promise((done) => setTimeout(done, Math.min(MOST_PAUSE_MS, pauseMs)));
        }
      }
    },
    close() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

function headersOf(start: number, end: number, version: Version | null): Record<string, string> {
  const headers: Record<string, string> = {
    range: `bytes=${start}-${end - 1}`,
    'accept-encoding': 'identity',
    'user-agent': 'Planimeter',
  };
  // A weak ETag never matches (RFC 9110, 13.1.1); it is compared when the answer is there.
  if (version?.etag && !version.etag.startsWith('W/')) headers['if-match'] = version.etag;
  else if (version?.modified) headers['if-unmodified-since'] = version.modified;
  return headers;
}

const lookupOf =
  (addresses: readonly string[]): LookupFunction =>
  (_host, options, callback) => {
    const found = addresses.map((address) => ({ address, family: isIP(address) }));
    if (options.all) callback(null, found);
    else callback(null, found[0].address, found[0].family);
  };

/** Resolves with the head of the answer. */
function send(url: URL, options: RequestOptions, { silenceMs }: RemoteLimits): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = (url.protocol === 'https:' ? requestTls : requestPlain)(url, { ...options, timeout: silenceMs });
    const late = setTimeout(() => sent.destroy(new Passing('the server does not answer')), silenceMs);
    sent.on('timeout', () => sent.destroy(new Passing('the server does not answer')));
    sent.on('response', (response) => {
      clearTimeout(late);
      resolve(response);
    });
    sent.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(late);
      reject(error instanceof Passing ? error : new Passing(`the connection fails (${error.code ?? error.name})`));
    });
    sent.end();
  });
}

async function readBody(response: IncomingMessage, length: number, { silenceMs, answerMs }: RemoteLimits) {
  const parts: Buffer[] = [];
  let bytes = 0;
  const stop = (message: string) => response.destroy(new Passing(message));
  const whole = setTimeout(() => stop('an answer takes too long'), answerMs);
  let silence = setTimeout(() => stop('an answer stops in the middle'), silenceMs);
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      clearTimeout(silence);
      silence = setTimeout(() => stop('an answer stops in the middle'), silenceMs);
      bytes += part.length;
      if (bytes > length) throw new Passing('an answer is longer than it says');
      parts.push(part);
    }
  } catch (error) {
    throw error instanceof Passing ? error : new Passing('the connection breaks off');
  } finally {
    clearTimeout(whole);
    clearTimeout(silence);
  }
  if (bytes < length) throw new Passing('an answer is shorter than it says');
  return Buffer.concat(parts, length);
}

async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Passing('the name server does not answer')), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
