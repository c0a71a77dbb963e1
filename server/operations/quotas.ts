/**
 * How large a file may be, what one workspace may take up of a service that several share, and how fast one caller may
 * ask. Each limit has a name, a default and a setting, and is answered with a problem that says when or how to go on. Of
 * a service without tokens, which this machine alone reaches, only files, heavy requests and statements are limited.
 */
import { Problem } from '../../errors/problem.ts';
import type { Queryable } from '../store/database/database.ts';
import { countTokens } from '../store/tables/tokens.ts';
import { lockUsage, usageOf } from '../store/tables/usage.ts';
import type { Caller } from './caller.ts';

export interface Limits {
  /** Of one file that is uploaded. */
  uploadBytes: number;
  /** Of what is stored for a workspace: its images with their working copies, maps, exports, and uploads under way. */
  bytes: number;
  /** Images of a workspace, with uploads under way. */
  scenes: number;
  /** Of a workspace, that open something. */
  tokens: number;
  /** Share links of a workspace, that open something. */
  shares: number;
  /** Of a workspace, by which networks are taught. */
  labels: number;
  /** Queued and running, of a workspace. */
  jobs: number;
  /** Of images that a workspace has mapped within 24 hours; each run counts. */
  pixelsADay: number;
  /** Of one token, or of one link from one address. */
  requestsAMinute: number;
  /** Tokens that are tried from one address and open nothing. */
  wrongTokensAMinute: number;
  /** That may take long, such as sums by zones and exports; under way at a time, of one token or one link … */
  heavyRequestsOfOne: number;
  /** … and of all together. */
  heavyRequests: number;
  /** That the database may take over a statement of a request, if it only reads and is none of an export's. */
  statementSeconds: number;
}

export const DEFAULT_LIMITS: Readonly<Limits> = {
  uploadBytes: 64 * 2 ** 30,
  bytes: 2 ** 40,
  scenes: 100_000,
  tokens: 1000,
  shares: 1000,
  labels: 100_000,
  jobs: 100,
  pixelsADay: 1e12,
  requestsAMinute: 6000,
  wrongTokensAMinute: 30,
  heavyRequestsOfOne: 4,
  heavyRequests: 8,
  statementSeconds: 30,
};

/** Environment variables. */
const SETTINGS: Readonly<Record<keyof Limits, string>> = {
  uploadBytes: 'PLANIMETER_MAX_UPLOAD_BYTES',
  bytes: 'PLANIMETER_MAX_BYTES',
  scenes: 'PLANIMETER_MAX_SCENES',
  tokens: 'PLANIMETER_MAX_TOKENS',
  shares: 'PLANIMETER_MAX_SHARES',
  labels: 'PLANIMETER_MAX_LABELS',
  jobs: 'PLANIMETER_MAX_JOBS',
  pixelsADay: 'PLANIMETER_MAX_PIXELS_A_DAY',
  requestsAMinute: 'PLANIMETER_MAX_REQUESTS_A_MINUTE',
  wrongTokensAMinute: 'PLANIMETER_MAX_WRONG_TOKENS_A_MINUTE',
  heavyRequestsOfOne: 'PLANIMETER_MAX_HEAVY_REQUESTS_OF_ONE',
  heavyRequests: 'PLANIMETER_MAX_HEAVY_REQUESTS',
  statementSeconds: 'PLANIMETER_STATEMENT_TIMEOUT',
};

/** Limits as the environment sets them. Throws Problem bad_request. */
export function readLimits(env: NodeJS.ProcessEnv): Limits {
  const limits = { ...DEFAULT_LIMITS };
  for (const [key, name] of Object.entries(SETTINGS) as [keyof Limits, string][]) {
    const text = env[name];
    if (!text) continue;
    limits[key] = Number(text);
    if (!(Number.isFinite(limits[key]) && limits[key] >= 1)) {
      throw new Problem('bad_request', `${name} is a number of at least 1, such as ${DEFAULT_LIMITS[key]}.`);
    }
  }
  return limits;
}

const MINUTE_S = 60;
const HOUR_S = 3600;

/** Uploads that are not scenes yet, as long as they will be. */
export interface UnderWay {
  bytes: number;
  scenes: number;
}

/** Throws Problem quota_bytes or quota_scenes where the workspace has no room for one more image of so many bytes. */
export async function checkImage(
  q: Queryable,
  caller: Caller,
  limits: Limits,
  size: number,
  underWay: UnderWay = { bytes: 0, scenes: 0 },
): Promise<void> {
  if (!caller.limited) return;
  const used = await usageOf(q);
  checkBytes(used.bytes + underWay.bytes, size, caller.workspace, limits.bytes);
  if (used.scenes + underWay.scenes < limits.scenes) return;
  throw new Problem(
    'quota_scenes',
    `The workspace "${caller.workspace}" may have ${limits.scenes} images, and has as many. ${MAKE_ROOM}`,
  );
}

/** The same for what `addScene` asks. */
export const admitting = (caller: Caller, limits: Limits) => (q: Queryable, size: number) =>
  checkImage(q, caller, limits, size);

const MAKE_ROOM = 'Delete images, or ask who runs the service for more room.';

/** Throws Problem quota_bytes where `more` is more than there is room for. */
export function checkBytes(used: number, more: number, workspace: string, limit: number): void {
  if (used + more <= limit) return;
  throw new Problem(
    'quota_bytes',
    `The images and maps of the workspace "${workspace}" may have ${limit} bytes together; it has ${used}` +
      `${more > 0 ? `, and this takes ${more}` : ''}. ${MAKE_ROOM}`,
  );
}

/** Throws Problem quota_shares where the workspace may have no more share links. */
export async function checkShares(q: Queryable, caller: Caller, limits: Limits): Promise<void> {
  if (!caller.limited) return;
  await lockUsage(q, caller.workspace);
  const { shares } = await usageOf(q);
  if (shares < limits.shares) return;
  throw new Problem(
    'quota_shares',
    `The workspace "${caller.workspace}" may have ${limits.shares} share links, and has as many: revoke some, or let ` +
      'them expire.',
  );
}

/** Throws Problem quota_labels where the workspace may not have so many more labels. */
export async function checkLabels(q: Queryable, caller: Caller, limits: Limits, more: number): Promise<void> {
  if (!caller.limited) return;
  await lockUsage(q, caller.workspace);
  const { labels } = await usageOf(q);
  if (labels + more <= limits.labels) return;
  throw new Problem(
    'quota_labels',
    `The workspace "${caller.workspace}" may have ${limits.labels} labels; it has ${labels}, and these are ${more}: ` +
      'take some back, or delete images that need none any more.',
  );
}

/** Throws Problem quota_tokens where the workspace may have no more tokens. */
export async function checkTokens(q: Queryable, caller: Caller, limits: Limits, workspace: string): Promise<void> {
  if (!caller.limited) return;
  await lockUsage(q, workspace);
  if ((await countTokens(q, workspace)) < limits.tokens) return;
  throw new Problem(
    'quota_tokens',
    `The workspace "${workspace}" may have ${limits.tokens} tokens, and has as many: revoke some, or let them expire.`,
  );
}

/** Throws Problem quota_bytes, quota_jobs or quota_pixels where a job over so many pixels is more than the workspace may run now. */
export async function checkJob(q: Queryable, caller: Caller, limits: Limits, pixels: number): Promise<void> {
  if (!caller.limited) return;
  const used = await usageOf(q);
  checkBytes(used.bytes, 0, caller.workspace, limits.bytes);
  if (used.jobs >= limits.jobs) {
    throw new Problem(
      'quota_jobs',
      `The workspace "${caller.workspace}" has ${used.jobs} jobs queued or running, which is all it may: wait for one to end.`,
      { retryAfterSeconds: MINUTE_S },
    );
  }
  if (used.pixelsADay + pixels > limits.pixelsADay) {
    throw new Problem(
      'quota_pixels',
      `The workspace "${caller.workspace}" may map ${limits.pixelsADay} pixels in 24 hours; ${used.pixelsADay} were begun, ` +
        `and this image has ${pixels}. Go on later, or ask who runs the service for more.`,
      { retryAfterSeconds: HOUR_S },
    );
  }
}
