/**
 * Images elsewhere, by their cards: a card says which file a scene is read from, and which version of it. The process
 * that owns the service holds the one reader, and reads for its children: they decode what is untrusted, and neither
 * connect to anything nor see an address or a credential.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Problem } from '../../errors/problem.ts';
import { type ByteSource, isRemote, type OpenBytes } from '../../tiler/geotiff/byte-source.ts';
import { REMOTE_HOSTS, type RemotePolicy } from './policy.ts';
import { createPageCache, PAGE_BYTES, remoteFile } from './remote-file.ts';
import { openRanges, type Ranges, type RangesOptions, REMOTE_LIMITS, shownAddress, type Version } from './request.ts';
import { createSigner } from './s3.ts';

export interface RemoteCard extends Version {
  url: string;
  /** Metadata items that hold in place of the file's own. */
  items?: Record<string, string>;
}

export type RemoteOptions = Omit<RangesOptions, 'policy' | 'onRequest'>;

export interface RemoteReader {
  /** What a file elsewhere is like now. Throws Problem where it may not or cannot be read in parts. */
  look(url: string): Promise<RemoteCard>;
  /** By the path of a card. */
  open: OpenBytes;
  /** Requests made and bytes received so far. */
  readonly traffic: { requests: number; bytes: number };
  close(): void;
}

const CACHE_BYTES = 128 << 20;
const MOST_ADDRESS = 2048;
/** Somebody is waiting for the answer. */
const LOOK_TRIES = 2;
/** Files whose connections are kept. */
const MOST_OPEN = 64;

/** `policy`: null where nothing may be read from elsewhere. */
export function createRemoteReader(policy: RemotePolicy | null, options: RemoteOptions = {}): RemoteReader {
  const { limits = REMOTE_LIMITS, env = process.env, sign = createSigner(env) } = options;
  const cache = createPageCache(CACHE_BYTES);
  const open = new Map<string, ByteSource>();
  const traffic = { requests: 0, bytes: 0 };

  const rangesOf = (address: URL, tries = limits.tries): Ranges => {
    if (!policy) {
      const detail = `Images elsewhere are not read here; whoever runs the service names hosts in ${REMOTE_HOSTS}.`;
      throw new Problem('remote_forbidden', detail);
    }
    policy.checkUrl(address);
    const onRequest = (bytes: number) => {
      if (bytes === 0) traffic.requests++;
      traffic.bytes += bytes;
    };
    return openRanges(address, { ...options, sign, limits: { ...limits, tries }, policy, onRequest });
  };

  return {
    traffic,
    async look(url) {
      const address = parseAddress(url);
      const ranges = rangesOf(address, LOOK_TRIES);
      try {
        const { version } = await ranges.fetch(0, PAGE_BYTES, null);
        return { url: address.href, ...version };
      } finally {
        ranges.close();
      }
    },
    async open(path) {
      if (!isRemote(path)) throw new Problem('remote_forbidden', 'This is no card of an image elsewhere.');
      const card = await readCard(path);
      const name = identityOf(card);
      const known = open.get(name);
      if (known) return known;
      const { url, items, ...version } = card;
      const ranges = rangesOf(parseAddress(url));
      const file = remoteFile(identityOf({ url, ...version }), ranges, version, cache);
      const source = { ...file, ...(items && { items }) };
      open.set(name, source);
      if (open.size > MOST_OPEN) {
        const [oldest, { close }] = open.entries().next().value!;
        open.delete(oldest);
        await close();
      }
      return source;
    },
    close() {
      for (const source of open.values()) void source.close();
      open.clear();
    },
  };
}

/** Opens nothing but these: for a process that works on some scenes. */
export const onlyCards =
  (paths: readonly string[], open: OpenBytes): OpenBytes =>
  async (asked) => {
    if (paths.includes(asked)) return open(asked);
    throw new Problem('remote_forbidden', 'This process reads the images that it was given alone.');
  };

function parseAddress(text: string): URL {
  const address = text.length <= MOST_ADDRESS && URL.canParse(text) ? new URL(text) : null;
  if (!address) throw new Problem('bad_request', 'An image elsewhere is named by its address: https://… or s3://….');
  address.hash = '';
  return address;
}

/** In place of a hash of the bytes, which are never all read: of the address and the version. */
export function identityOf({ url, etag, modified, bytes, items }: RemoteCard): string {
  return createHash('sha256')
    .update(JSON.stringify([url, etag, modified, bytes, items]))
    .digest('hex');
}

export const isAddress = (text: string): boolean => /^(https?|s3):\/\//i.test(text);

/** Without what may be a signature. */
export const shownCard = ({ url, etag, modified, bytes }: RemoteCard) => ({
  url: shownAddress(new URL(url)),
  etag,
  modified,
  bytes,
});

/** Readable by nobody else: addresses may hold signatures. */
export async function writeCard(path: string, card: RemoteCard): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, JSON.stringify(card), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

export async function readCard(path: string): Promise<RemoteCard> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new Problem('internal', 'The card of an image elsewhere is not there any more.', { cause });
  }
}
