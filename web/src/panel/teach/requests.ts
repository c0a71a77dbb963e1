/** What is asked of the service about labels and taught networks. */
import { get, inOurWords, messageOfBody, OFFLINE, post, remove, ServiceError } from '../../service/api.ts';
import { BASE } from '../../service/connection.ts';
import type { LabelJson, LabelsJson, TaughtModelJson } from '../../service/types.ts';

/** A label that the service may not have yet; its id is made here, so that sending it twice adds it once. */
export interface NewLabel {
  type: 'Feature';
  id: string;
  geometry: LabelJson['geometry'];
  properties: { class: string; width_m: number | null };
}

/** Of those that have not changed the browser keeps a copy, and only asks whether they have. */
export const getLabels = async (scene: string): Promise<LabelJson[]> =>
  (await get<LabelsJson>(`/scenes/${scene}/labels`)).features;

export const addLabels = (scene: string, features: readonly NewLabel[]): Promise<unknown> =>
  post(`/scenes/${scene}/labels`, { type: 'FeatureCollection', features });

export const removeLabel = (id: string): Promise<void> => remove(`/labels/${id}`);

export interface Teaching {
  id: string;
  name: string;
  scenes: string[];
  classes: string[];
}

/** Teaches, and tells how far it is, 0 to 1. Throws ServiceError. */
export async function teach(
  model: string,
  teaching: Teaching,
  signal: AbortSignal,
  onShare: (share: number) => void,
): Promise<TaughtModelJson> {
  const response = await fetch(`${BASE}/models/${encodeURIComponent(model)}/teach`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream' },
    body: JSON.stringify(teaching),
    signal,
  }).catch(lost);
  if (!response.ok) throw new ServiceError(messageOfBody(await response.text(), response.status));
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ''; ; ) {
    const { value, done } = await reader.read().catch(lost);
    if (done) throw new ServiceError(OFFLINE);
    const parts = (text + value).split('\n\n');
    text = parts.pop()!;
    for (const part of parts) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/s.exec(part) ?? [];
      if (event === 'progress') onShare(JSON.parse(data!).share);
      if (event === 'taught') return JSON.parse(data!);
      if (event === 'problem') throw new ServiceError(inOurWords(JSON.parse(data!)));
    }
  }
}

function lost(error: unknown): never {
  throw (error as Error).name === 'AbortError' ? error : new ServiceError(OFFLINE);
}
