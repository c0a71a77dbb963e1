/** Speaks to the service: requests, problems, and server-sent events that outlive a lost connection. */
import { t } from '../messages/index.ts';
import type {
  FailedJson,
  FeatureJson,
  FeatureProperties,
  JobJson,
  ModelJson,
  PreflightJson,
  ProblemJson,
  ProofJson,
  SceneJson,
  ServiceJson,
  ShareJson,
  TileJson,
} from './types.ts';

/** What can be told about something that went wrong; the service's problems fit as they are. */
export type ErrorMessage = Pick<ProblemJson, 'title' | 'detail'> & { code?: string | undefined };

/** A refusal by the service (its problem), or that it could not be reached (`code` is `offline`). */
export class ServiceError extends Error implements ErrorMessage {
  readonly title: string;
  readonly detail: string;
  readonly code: string | undefined;

  constructor({ title, detail, code }: ErrorMessage) {
    super(detail);
    this.name = 'ServiceError';
    this.title = title;
    this.detail = detail;
    this.code = code;
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
    if (typeof title === 'string' && typeof detail === 'string') return { title, detail, code };
  } catch {
    // Not JSON: told by its status.
  }
  return { title: t.error.failed, detail: t.error.failedDetail(status) };
}

/** Where the interface lies: at the root, or below the address of a shared link. */
export const BASE = /^\/shared\/[\w-]+/.exec(location.pathname)?.[0] ?? '';

async function request(path: string, init?: RequestInit): Promise<Response> {
  const response = await fetch(BASE + path, init).catch((error: unknown) => {
    if (init?.signal?.aborted) throw error;
    throw new ServiceError(OFFLINE);
  });
  if (!response.ok) throw new ServiceError(messageOfBody(await response.text(), response.status));
  return response;
}

const get = async <T>(path: string): Promise<T> =>
  (await request(path, { headers: { Accept: 'application/json' } })).json();

/** All members of a list, which comes in pages. */
async function getAll<T>(path: string): Promise<T[]> {
  const all: T[] = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    const response: Response = await request(next, { headers: { Accept: 'application/json' } });
    all.push(...((await response.json()) as T[]));
    const [, address] = /<([^>]+)>; rel="next"/.exec(response.headers.get('Link') ?? '') ?? [];
    next = address && path.replace(/\?.*/, '') + new URL(address).search;
  }
  return all;
}

async function send<T>(method: string, path: string, body?: unknown, type = 'application/json'): Promise<T> {
  const content = body === undefined ? {} : { headers: { 'Content-Type': type }, body: JSON.stringify(body) };
  return (await request(path, { method, ...content })).json();
}
const post = <T>(path: string, body?: unknown) => send<T>('POST', path, body);

async function remove(path: string): Promise<void> {
  await request(path, { method: 'DELETE' });
}

export const getService = (): Promise<ServiceJson> => get('/service');
export const getModels = (): Promise<ModelJson[]> => get('/models');
export const getScenes = (): Promise<SceneJson[]> => getAll('/scenes');
export const getScene = (id: string): Promise<SceneJson> => get(`/scenes/${id}`);
export const getJobs = (scene: string): Promise<JobJson[]> => getAll(`/jobs?scene=${scene}`);
export const getTileJson = (path: string): Promise<TileJson> => get(path);
export const getFailed = (job: string): Promise<FailedJson> => get(`/jobs/${job}/failed.geojson`);
export const getItem = (path: string): Promise<FeatureJson> => get(path);
export const addByUrl = (url: string): Promise<SceneJson> => post('/scenes', { url });
export const makeDemoScene = (): Promise<SceneJson> => post('/scenes/demo');
export const getPreflight = (scene: string): Promise<PreflightJson> => get(`/scenes/${scene}/preflight`);
export const startJob = (scene: string, request: object): Promise<JobJson> => post('/jobs', { scene, ...request });
export const proveJob = (id: string): Promise<ProofJson> => post(`/jobs/${id}/prove`);
export const cancelJob = (id: string): Promise<JobJson> => post(`/jobs/${id}/cancel`);
export const retryJob = (id: string): Promise<JobJson> => post(`/jobs/${id}/retry`);

export const getShares = (job: string): Promise<ShareJson[]> => getAll(`/jobs/${job}/shares`);
export const makeShare = (job: string): Promise<ShareJson & { url: string }> => post(`/jobs/${job}/shares`, {});

export const revokeShare = (id: string): Promise<void> => remove(`/shares/${id}`);
export const deleteScene = (id: string): Promise<void> => remove(`/scenes/${id}`);
export const signOut = (): Promise<void> => remove('/session');
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

/** Whether the service answers at all. */
export const isOnline = (): Promise<boolean> =>
  fetch(`${BASE}/health`, { cache: 'no-store' }).then(
    (response) => response.ok,
    () => false,
  );

const RECONNECT_MS = 2000;

/**
 * Follows the events of a scene or a job until `isFinal` says so or `signal` aborts. A stream that breaks is opened
 * again, and then begins with the present state; `onOffline` hears that it broke.
 */
export function follow<T>(
  kind: 'scene' | 'job',
  id: string,
  options: { signal: AbortSignal; isFinal(value: T): boolean; onValue(value: T): void; onOffline(): void },
): void {
  const { signal, isFinal, onValue, onOffline } = options;
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
    onOffline();
  });
}
