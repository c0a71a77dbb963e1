/** Speaks to the service: requests, problems, and server-sent events, all of which outlive a lost connection. */
import { t } from '../messages/index.ts';
import { BASE, reconnected } from './connection.ts';
import type {
  ClassSumsJson,
  CoordinatesJson,
  FailedJson,
  FeatureJson,
  FeatureProperties,
  HistogramJson,
  ItemsJson,
  JobJson,
  ModelJson,
  PointJson,
  PreflightJson,
  ProblemJson,
  ProofJson,
  SceneJson,
  ServiceJson,
  ShareJson,
  SummaryJson,
  TileJson,
} from './types.ts';

/** What can be told about something that went wrong; the service's problems fit as they are. */
export type ErrorMessage = Pick<ProblemJson, 'title' | 'detail'> & {
  code?: string | undefined;
  /** The service's own words, where `detail` tells it in the page's language. */
  said?: string | undefined;
};

/** A problem of the service in the page's language. */
export function inOurWords({ title, detail, code }: ErrorMessage): ErrorMessage {
  const [ourTitle, ourDetail] = t.problems[code as ProblemJson['code']] ?? [];
  return ourDetail ? { title: ourTitle!, detail: ourDetail, code, said: detail } : { title, detail, code };
}

/** A refusal by the service (its problem), or that it could not be reached (`code` is `offline`). */
export class ServiceError extends Error implements ErrorMessage {
  readonly title: string;
  readonly detail: string;
  readonly code: string | undefined;
  readonly said: string | undefined;
  /** Whether an answer was lost before: that request may have arrived, and been done. */
  readonly repeated: boolean;

  constructor({ title, detail, code, said }: ErrorMessage, { repeated = false } = {}) {
    super(detail);
    this.name = 'ServiceError';
    this.title = title;
    this.detail = detail;
    this.code = code;
    this.said = said;
    this.repeated = repeated;
  }
}

export const OFFLINE: ErrorMessage = { code: 'offline', title: t.error.offline, detail: t.error.offlineDetail };

/** What can be told about anything that was thrown. */
export function messageOf(error: unknown): ErrorMessage {
  if (error instanceof ServiceError) return error;
  console.error(error);
  return { title: t.error.unexpected, detail: t.error.unexpectedDetail };
}

/** The problem in a body, or one made of the status where the body (of a proxy, say) holds none. */
export function messageOfBody(body: string, status: number): ErrorMessage {
  try {
    const { title, detail, code } = JSON.parse(body);
    if (typeof title === 'string' && typeof detail === 'string') return inOurWords({ title, detail, code });
  } catch {
    // Not JSON: told by its status.
  }
  return { title: t.error.failed, detail: t.error.failedDetail(status) };
}

/** How often a request is sent whose connection breaks though the service is there, or that meets a busy service. */
const MOST_TRIES = 4;
/** A service that is busy for longer is told of at once. */
const MOST_WAIT_SECONDS = 10;

interface Answer {
  response: Response;
  body: string;
}

/**
 * Answers with the body as text. A request that a lost connection swallowed is sent again once the service is there:
 * all but those that say otherwise are the same however often they arrive.
 */
async function answerTo(path: string, init?: RequestInit, tries = MOST_TRIES): Promise<Answer> {
  let lost = false;
  for (let sent = 1; ; sent++) {
    const answer = await fetch(BASE + path, init)
      .then(async (response) => ({ response, body: await response.text() }))
      .catch(() => null);
    if (answer?.response.ok) return answer;
    const waitSeconds = answer ? secondsUntilFree(answer.response) : 0;
    if (answer && (waitSeconds === null || sent >= tries)) {
      throw new ServiceError(messageOfBody(answer.body, answer.response.status), { repeated: lost });
    }
    if (sent >= tries) throw new ServiceError(OFFLINE);
    if (answer) await new Promise((resolve) => setTimeout(resolve, 1000 * waitSeconds!));
    else {
      lost = true;
      await reconnected();
    }
  }
}

/** Null where the service did not say that it is only busy. */
function secondsUntilFree({ status, headers }: Response): number | null {
  const seconds = Number(headers.get('Retry-After') ?? Number.NaN);
  return (status === 429 || status === 503) && seconds <= MOST_WAIT_SECONDS ? seconds : null;
}

export const request = async (...asked: Parameters<typeof answerTo>): Promise<string> =>
  (await answerTo(...asked)).body;

export const get = async <T>(path: string): Promise<T> =>
  JSON.parse(await request(path, { headers: { Accept: 'application/json' } }));

/** All members of a list, which comes in pages. */
export async function getAll<T>(path: string): Promise<T[]> {
  const all: T[] = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    const { response, body }: Answer = await answerTo(next, { headers: { Accept: 'application/json' } });
    all.push(...(JSON.parse(body) as T[]));
    const [, address] = /<([^>]+)>; rel="next"/.exec(response.headers.get('Link') ?? '') ?? [];
    next = address && path.replace(/\?.*/, '') + new URL(address).search;
  }
  return all;
}

async function send<T>(method: string, path: string, body?: unknown, type = 'application/json'): Promise<T> {
  return JSON.parse(await request(path, { method, ...contentOf(body, type) }));
}
const contentOf = (body: unknown, type = 'application/json'): RequestInit =>
  body === undefined ? {} : { headers: { 'Content-Type': type }, body: JSON.stringify(body) };
export const post = <T>(path: string, body?: unknown) => send<T>('POST', path, body);

/** What a lost answer said was gone is gone. */
export const remove = (path: string): Promise<void> =>
  request(path, { method: 'DELETE' }).then(
    () => {},
    unlessRepeated('not_found', async () => {}),
  );

/** Handles the refusal with which a request is met that has been done already. */
const unlessRepeated =
  <T>(code: string, done: () => Promise<T>) =>
  (error: unknown): Promise<T> => {
    if (error instanceof ServiceError && error.repeated && error.code === code) return done();
    throw error;
  };

export const getService = (): Promise<ServiceJson> => get('/service');
export const getModels = (): Promise<ModelJson[]> => get('/models');
export const getScenes = (): Promise<SceneJson[]> => getAll('/scenes');
export const getScene = (id: string): Promise<SceneJson> => get(`/scenes/${id}`);
export const getJobs = (scene: string): Promise<JobJson[]> => getAll(`/jobs?scene=${scene}`);
export const getTileJson = (path: string): Promise<TileJson> => get(path);
export const getFailed = (job: string): Promise<FailedJson> => get(`/jobs/${job}/failed.geojson`);
export const getItem = (path: string): Promise<FeatureJson> => get(path);
export const getCoordinates = (epsg: number, x: number, y: number): Promise<CoordinatesJson> =>
  get(`/coordinates?${new URLSearchParams({ crs: `EPSG:${epsg}`, x: String(x), y: String(y) })}`);
export const getPoint = (
  scene: string,
  [lon, lat]: readonly [number, number],
  job: string | null,
): Promise<PointJson> => get(`/scenes/${scene}/point?lon=${lon}&lat=${lat}${job ? `&job=${job}` : ''}`);
export const getItems = (collection: string, query: Record<string, string>): Promise<ItemsJson> =>
  get(`/collections/${collection}/items?${new URLSearchParams(query)}`);
/** The page that a page's link names. */
export const getItemsAfter = (collection: string, link: string): Promise<ItemsJson> =>
  get(`/collections/${collection}/items${new URL(link).search}`);
export const getSums = (collection: string, query: Record<string, string>): Promise<ClassSumsJson> =>
  get(`/collections/${collection}/aggregate?${new URLSearchParams(query)}`);
export const getHistogram = (collection: string, query: Record<string, string>): Promise<HistogramJson> =>
  get(`/collections/${collection}/histogram?${new URLSearchParams(query)}`);
export const addByUrl = (url: string): Promise<SceneJson> => post('/scenes', { url });
export const makeDemoScene = (): Promise<SceneJson> => post('/scenes/demo');
export const getPreflight = (scene: string): Promise<PreflightJson> => get(`/scenes/${scene}/preflight`);
export const startJob = (scene: string, request: object): Promise<JobJson> => post('/jobs', { scene, ...request });
export const proveJob = (id: string): Promise<ProofJson> => post(`/jobs/${id}/prove`);
export const summarizeJob = (id: string): Promise<SummaryJson> => get(`/jobs/${id}/summary`);
export const cancelJob = (id: string): Promise<JobJson> => post(`/jobs/${id}/cancel`);
export const getJob = (id: string): Promise<JobJson> => get(`/jobs/${id}`);
export const retryJob = (id: string): Promise<JobJson> =>
  post<JobJson>(`/jobs/${id}/retry`).catch(unlessRepeated('conflict', () => getJob(id)));

export const getShares = (job: string): Promise<ShareJson[]> => getAll(`/jobs/${job}/shares`);
/** Each request makes another link: it waits for the service, and is sent once. Throws `offline` where the answer was lost. */
export async function makeShare(job: string): Promise<ShareJson & { url: string }> {
  await reconnected();
  return JSON.parse(await request(`/jobs/${job}/shares`, { method: 'POST', ...contentOf({}) }, 1));
}

export const revokeShare = (id: string): Promise<void> => remove(`/shares/${id}`);
export const deleteScene = (id: string): Promise<void> => remove(`/scenes/${id}`);
export const signOut = (): Promise<void> => remove('/session');
export const renameScene = (scene: string, name: string): Promise<SceneJson> =>
  send('PATCH', `/scenes/${scene}`, { name });
export const setAttribution = (scene: string, said: Pick<SceneJson, 'attribution' | 'license'>): Promise<SceneJson> =>
  send('PATCH', `/scenes/${scene}`, said);
export const reviewItem = (path: string, review: FeatureProperties['review'] | null): Promise<FeatureJson> =>
  send('PATCH', path, { review }, 'application/merge-patch+json');

/** The scene an upload became, for a client that missed the answer to its last bytes. */
export async function findSceneByUpload(uploadUrl: string): Promise<string | undefined> {
  const upload = uploadUrl.split('/').at(-1) ?? '';
  const [scene] = await get<SceneJson[]>(`/scenes?upload=${encodeURIComponent(upload)}`);
  return scene?.id;
}

const RECONNECT_MS = 2000;

/**
 * Follows the events of a scene or a job until `isFinal` says so or `signal` aborts. A stream that breaks is opened
 * again, and then begins with the present state.
 */
export function follow<T>(
  kind: 'scene' | 'job',
  id: string,
  options: { signal: AbortSignal; isFinal(value: T): boolean; onValue(value: T): void },
): void {
  const { signal, isFinal, onValue } = options;
  if (signal.aborted) return;
  const events = new EventSource(`${BASE}/${kind}s/${id}/events`);
  signal.addEventListener('abort', () => events.close(), { once: true });
  events.addEventListener(kind, (event) => {
    const value: T = JSON.parse((event as MessageEvent<string>).data);
    if (isFinal(value)) events.close();
    onValue(value);
  });
  events.addEventListener('error', () => {
    // The browser reconnects a stream that broke by itself, but not one that was refused.
    if (events.readyState === EventSource.CLOSED) setTimeout(() => follow(kind, id, options), RECONNECT_MS);
    reconnected();
  });
}
