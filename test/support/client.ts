/** A client of the service for tests: uploads by tus, waits for scenes and jobs. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { JobJson, ProblemJson, SceneJson } from '../../server/api/index.ts';

const POLL_MS = 50;

export async function getJson<T>(url: string): Promise<T> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

/** Uploads a file in one piece; returns the id of its scene. */
export async function upload(url: string, path: string): Promise<string> {
  const bytes = await readFile(path);
  const headers = { 'Tus-Resumable': '1.0.0' };
  const filename = Buffer.from(basename(path)).toString('base64');
  const created = await fetch(`${url}/uploads`, {
    method: 'POST',
    headers: { ...headers, 'Upload-Length': String(bytes.length), 'Upload-Metadata': `filename ${filename}` },
  });
  if (created.status !== 201) throw new Error(`upload: ${created.status} ${await created.text()}`);
  const sent = await fetch(new URL(created.headers.get('Location')!, url), {
    method: 'PATCH',
    headers: { ...headers, 'Upload-Offset': '0', 'Content-Type': 'application/offset+octet-stream' },
    body: bytes,
  });
  const scene = sent.headers.get('Planimeter-Scene');
  if (!scene) throw new Error(`upload: ${sent.status} ${await sent.text()}`);
  return scene;
}

export async function waitForScene(url: string, id: string): Promise<SceneJson> {
  for (;;) {
    const scene = await getJson<SceneJson>(`${url}/scenes/${id}`);
    if (scene.state === 'ready' || scene.state === 'refused') return scene;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

export async function startJob(url: string, scene: string, parameters = {}, model?: string): Promise<JobJson> {
  const response = await fetch(`${url}/jobs`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ scene, parameters, model }),
  });
  if (response.status !== 202) throw new Error(`job: ${response.status} ${await response.text()}`);
  return (await response.json()) as JobJson;
}

export async function waitForJob(url: string, id: string): Promise<JobJson> {
  for (;;) {
    const job = await getJson<JobJson>(`${url}/jobs/${id}`);
    if (job.state !== 'queued' && job.state !== 'running') return job;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** The problem of a file that is refused. */
export async function refusal(url: string, path: string): Promise<ProblemJson> {
  const scene = await waitForScene(url, await upload(url, path));
  if (!scene.problem) throw new Error(`${path} was not refused`);
  return scene.problem;
}
