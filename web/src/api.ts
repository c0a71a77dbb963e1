/** Speaks to the service: requests, problems, and server-sent events that outlive a lost connection. */
import type {
  FailedJson,
  FeatureJson,
  FeatureProperties,
  JobJson,
  ModelJson,
  PreflightJson,
  ProofJson,
  SceneJson,
  ServiceJson,
  ShareJson,
  TileJson,
} from '../../server/api/index.ts';
import type { Trouble } from './state.ts';

/** A refusal by the service (its problem), or that it could not be reached (`code` is `away`). */
export class ServiceError extends Error {
  readonly trouble: Trouble;

  constructor(trouble: Trouble) {
    super(trouble.detail);
    this.name = 'ServiceError';
    this.trouble = trouble;
  }
}

export const AWAY: Trouble = {
  code: 'away',
  title: 'The service does not answer',
  detail: 'It may be starting again, or the connection was lost. This page goes on by itself once it is back.',
};

/** What can be told about anything that was thrown. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof ServiceError) return error.trouble;
  console.error(error);
  return { title: 'Something went wrong on this page', detail: 'Reload the page and try again; your data is safe.' };
}

/** The problem in a body, or one made of the status where the body (of a proxy, say) holds none. */
export function troubleOfBody(body: string, status: number): Trouble {
  try {
    const { title, detail, code } = JSON.parse(body);
    if (typeof title === 'string' && typeof detail === 'string') return { title, detail, code };
  } catch {
    // Not JSON: told by its status.
  }
  return { title: 'The request failed', detail: `The service answered with status ${status}. Try again in a moment.` };
}

/** Where the interface lies: at the root, or below the address of a shared link. */
export const BASE = /^\/shared\/[\w-]+/.exec(location.pathname)?.[0] ?? '';

async function request(path: string, init?: RequestInit): Promise<Response> {
  const response = await fetch(BASE + path, init).catch((error: unknown) => {
    if (init?.signal?.aborted) throw error;
    throw new ServiceError(AWAY);
  });
  if (!response.ok) throw new ServiceError(troubleOfBody(await response.text(), response.status));
  return response;
}

const get = async <T>(path: string): Promise<T> =>
  (await request(path, { headers: { Accept: 'application/json' } })).json();
const post = async <T>(path: string, body?: unknown): Promise<T> => {
  const json = { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  return (await request(path, { method: 'POST', ...(body === undefined ? {} : json) })).json();
};

export const getService = (): Promise<ServiceJson> => get('/service');
export const getModels = (): Promise<ModelJson[]> => get('/models');
export const getScenes = (): Promise<SceneJson[]> => get('/scenes');
export const getScene = (id: string): Promise<SceneJson> => get(`/scenes/${id}`);
export const getJobs = (scene: string): Promise<JobJson[]> => get(`/jobs?scene=${scene}`);
export const getTileJson = (path: string): Promise<TileJson> => get(path);
export const getFailed = (job: string): Promise<FailedJson> => get(`/jobs/${job}/failed.geojson`);
export const getItem = (path: string): Promise<FeatureJson> => get(path);
export const addByAddress = (url: string): Promise<SceneJson> => post('/scenes', { url });
export const makeDemoScene = (): Promise<SceneJson> => post('/scenes/demo');
export const getPreflight = (scene: string): Promise<PreflightJson> => get(`/scenes/${scene}/preflight`);
export const startJob = (scene: string, request: object): Promise<JobJson> => post('/jobs', { scene, ...request });
export const proveJob = (id: string): Promise<ProofJson> => post(`/jobs/${id}/prove`);
export const cancelJob = (id: string): Promise<JobJson> => post(`/jobs/${id}/cancel`);
export const retryJob = (id: string): Promise<JobJson> => post(`/jobs/${id}/retry`);

export const getShares = (job: string): Promise<ShareJson[]> => get(`/jobs/${job}/shares`);
export const makeShare = (job: string): Promise<ShareJson & { url: string }> => post(`/jobs/${job}/shares`, {});

export async function revokeShare(id: string): Promise<void> {
  await request(`/shares/${id}`, { method: 'DELETE' });
}

export async function setRights(scene: string, rights: Pick<SceneJson, 'attribution' | 'license'>): Promise<SceneJson> {
  const headers = { 'Content-Type': 'application/json' };
  return (await request(`/scenes/${scene}`, { method: 'PATCH', headers, body: JSON.stringify(rights) })).json();
}

export async function reviewItem(path: string, review: FeatureProperties['review'] | null): Promise<FeatureJson> {
  const headers = { 'Content-Type': 'application/merge-patch+json' };
  return (await request(path, { method: 'PATCH', headers, body: JSON.stringify({ review }) })).json();
}

export async function signOut(): Promise<void> {
  await request('/session', { method: 'DELETE' });
}

export async function deleteScene(id: string): Promise<void> {
  await request(`/scenes/${id}`, { method: 'DELETE' });
}

/** The scene an upload became, for a client that missed the answer to its last bytes. */
export async function findSceneByUpload(uploadUrl: string): Promise<string | undefined> {
  const upload = uploadUrl.split('/').at(-1) ?? '';
  const [scene] = await get<SceneJson[]>(`/scenes?upload=${encodeURIComponent(upload)}`);
  return scene?.id;
}

/** Whether the service answers at all. */
export const isHere = (): Promise<boolean> =>
  fetch(`${BASE}/health`, { cache: 'no-store' }).then(
    (response) => response.ok,
    () => false,
  );

const RECONNECT_MS = 2000;

/**
 * Follows the events of a scene or a job until `isFinal` says so or `signal` aborts. A stream that breaks is opened
 * again, and then begins with the present state; `onAway` hears that it broke.
 */
export function follow<T>(
  kind: 'scene' | 'job',
  id: string,
  options: { signal: AbortSignal; isFinal(value: T): boolean; onValue(value: T): void; onAway(): void },
): void {
  const { signal, isFinal, onValue, onAway } = options;
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
    onAway();
  });
}
