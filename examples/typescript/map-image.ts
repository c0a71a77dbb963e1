/**
 * Uploads an image (resumable), maps it, follows the job by server-sent events, downloads its features as GeoPackage and
 * lists the largest buildings:
 *
 *   node map-image.ts http://127.0.0.1:8080 image.tif map.gpkg
 */
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import createClient from 'openapi-fetch';
import { Upload } from 'tus-js-client';
import type { components, paths } from './planimeter.d.ts';

type Scene = components['schemas']['Scene'];
type Job = components['schemas']['Job'];
// Some answers can also be had as pages; here they are data, and refusals say why in `detail`.
type Data = 'application/json' | 'application/geo+json' | 'application/problem+json';

const [service, image, output] = process.argv.slice(2);
const token = process.env.PLANIMETER_TOKEN;
const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};
const planimeter = createClient<paths, Data>({ baseUrl: service, headers });

/** Sends the file, again from where it stood if the connection breaks; returns the id of the scene it becomes. */
function upload(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    new Upload(createReadStream(path), {
      endpoint: `${service}/uploads`,
      headers,
      metadata: { filename: basename(path) },
      retryDelays: [0, 1000, 3000, 10_000],
      onError: reject,
      onSuccess: ({ lastResponse }) => {
        const scene = lastResponse.getHeader('Planimeter-Scene');
        if (scene) resolve(scene);
        else reject(new Error('The service named no scene.'));
      },
    }).start();
  });
}

/** What a stream of server-sent events tells: the scene or the job now, and after every change until it is final. */
async function* eventsOf<Subject>(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Subject> {
  const events = stream.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { data } of events) yield JSON.parse(data);
}

/** Returns the answer, or throws what the service says against the request. */
function answered<Answer>({ data, error }: { data?: Answer; error?: { detail: string } }): NonNullable<Answer> {
  if (error || !data) throw new Error(error?.detail ?? 'The answer is empty.');
  return data;
}

const scene = await upload(image);
const sceneEvents = await planimeter.GET('/scenes/{id}/events', { params: { path: { id: scene } }, parseAs: 'stream' });
for await (const { state, problem } of eventsOf<Scene>(answered(sceneEvents))) {
  console.log(`scene ${scene} is ${state}`);
  if (problem) throw new Error(problem.detail);
}

const { id } = answered(await planimeter.POST('/jobs', { body: { scene, parameters: { min_area_m2: 30 } } }));
const jobEvents = await planimeter.GET('/jobs/{id}/events', { params: { path: { id } }, parseAs: 'stream' });
for await (const { state, progress, problem } of eventsOf<Job>(answered(jobEvents))) {
  console.log(`job ${id} is ${state}, ${Math.round(100 * progress.share)} %`);
  if (problem) throw new Error(problem.detail);
}

const file = await planimeter.GET('/jobs/{id}/export.{format}', {
  params: { path: { id, format: 'gpkg' } },
  parseAs: 'stream',
});
await writeFile(output, answered(file));

const buildings = await planimeter.GET('/collections/{collection}/items', {
  params: {
    path: { collection: 'buildings' },
    query: { job: id, filter: 'area_m2 > 10', sortby: '-area_m2', limit: 3, properties: ['class', 'area_m2'] },
  },
});
for (const { properties } of answered(buildings).features) console.log(properties.class, properties.area_m2, 'm²');
