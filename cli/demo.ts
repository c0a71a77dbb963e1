/** `npm run demo [-- IN.tif] [--once]`: the main job through the public interface, on a generated town or a real file. */
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Upload } from 'tus-js-client';
import { Problem, type ProblemCode, problemFromJson } from '../errors/problem.ts';
import type { JobJson, ModelJson, ProblemJson, SceneJson } from '../server/api/index.ts';
import { DEMO_NAME, DEMO_TOWN, type DemoScene, demoScene } from '../server/scenes/add-demo-scene.ts';
import { type Service, type ServiceOptions, startService } from '../server/service.ts';
import { openFileStore } from '../server/store/files/open-file-store.ts';
import { openRaster } from '../tiler/geotiff/raster.ts';
import { wholeOf } from '../tiler/geotiff/window.ts';
import { flag, readArguments, usageOf } from './arguments.ts';
import { evaluateMaps } from './evaluate.ts';
import { dataFolder, inputFile } from './files.ts';
import { foundText } from './output.ts';
import { createProgressBar, type ProgressBar } from './progress.ts';
import { stopOnSignal } from './serve.ts';

const PORT = 8080;
/** The data folder may have tokens: what this process asks of its own service needs none of them. */
const OWN_TOKEN = randomBytes(32).toString('base64url');
const OWN = { Authorization: `Bearer ${OWN_TOKEN}` };
const POLL_MS = 200;

const OPTIONS = { once: flag('ends instead of leaving the map open') };

export const usage = usageOf(['demo [IN.tif] [--once]'], OPTIONS);

export async function run(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(args, OPTIONS, ['[IN.tif]']);
  const file = positionals[0] === undefined ? null : await inputFile(positionals[0]);
  const { env } = process;
  const bar = createProgressBar();
  const size = `${DEMO_TOWN.width} × ${DEMO_TOWN.height}`;
  say(file ? 'Starting the service …' : `Starting the service and drawing a town of ${size} pixels …`);
  const [service, town] = await Promise.all([
    startOnFreePort({ dataFolder: dataFolder(), store: env.PLANIMETER_STORE, databaseUrl: env.DATABASE_URL }),
    file ? null : demoScene(join(dataFolder(), 'demo'), { onProgress: (share) => bar.update('town', share) }),
  ]);
  bar.end();
  try {
    const upload = file ? { path: file, name: basename(file) } : { path: town!.image, name: DEMO_NAME };
    const scene = await uploadScene(service.url, upload, bar);
    const job = await segment(service.url, scene, bar);
    bar.end();
    await printResult(service.url, scene, job, town);
  } catch (error) {
    bar.end();
    await service.stop();
    throw error;
  }
  if (values.once) {
    await service.stop();
    return;
  }
  stopOnSignal(service.stop);
  say(`\nThe map: ${service.url}     (Ctrl-C ends it)`);
  const { status } = await fetch(`${service.url}/service`);
  if (status === 401) say('This data folder has tokens: the map asks for one ("planimeter tokens create NAME").');
}

const say = (line: string) => process.stdout.write(`${line}\n`);

async function startOnFreePort(
  options: Pick<ServiceOptions, 'dataFolder' | 'store' | 'databaseUrl'>,
): Promise<Service> {
  const common = { ...options, host: '127.0.0.1', device: 'auto', ownToken: OWN_TOKEN };
  try {
    return await startService({ ...common, port: Number(process.env.PORT ?? PORT) });
  } catch (error) {
    if (!(error instanceof Problem && error.code === 'address_unusable')) throw error;
    return startService({ ...common, port: 0 });
  }
}

/** Uploads by tus and waits until the scene has been read. Throws its problem when it was refused. */
async function uploadScene(
  url: string,
  { path, name }: { path: string; name: string },
  bar: ProgressBar,
): Promise<SceneJson> {
  const { size } = await stat(path);
  const id = await new Promise<string>((found, reject) => {
    const upload = new Upload(createReadStream(path), {
      endpoint: `${url}/uploads`,
      headers: OWN,
      uploadSize: size,
      chunkSize: 32 * 2 ** 20,
      metadata: { filename: name },
      onProgress: (sent, total) => bar.update('upload', sent / total),
      onAfterResponse: (_request, response) => {
        const scene = response.getHeader('Planimeter-Scene');
        if (scene) found(scene);
      },
      onError: reject,
    });
    upload.start();
  });
  for (;;) {
    const scene = await get<SceneJson>(`${url}/scenes/${id}`);
    if (scene.problem) throw revive(scene.problem);
    if (scene.state === 'ready') return scene;
    bar.update('reading', scene.progress);
    await pause();
  }
}

/** Starts the job and waits for its end. Throws its problem when it failed. */
async function segment(url: string, scene: SceneJson, bar: ProgressBar): Promise<JobJson> {
  const response = await fetch(`${url}/jobs`, {
    method: 'POST',
    headers: { ...OWN, 'Content-Type': 'application/json' },
    body: JSON.stringify({ scene: scene.id }),
  });
  let job = await answer<JobJson>(response);
  while (job.state === 'queued' || job.state === 'running') {
    bar.update(job.progress.stage, job.progress.share);
    await pause();
    job = await get<JobJson>(`${url}/jobs/${job.id}`);
  }
  if (job.problem) throw revive(job.problem);
  return job;
}

async function printResult(url: string, scene: SceneJson, job: JobJson, town: DemoScene | null) {
  const { counts, timings_ms } = job.report!;
  const seconds = Object.values(timings_ms).reduce((sum, ms) => sum + ms, 0) / 1000;
  const gsd = scene.gsd_m!.toFixed(2);
  say(`${scene.name}: ${scene.width} × ${scene.height} pixels of ${gsd} m, mapped in ${seconds.toFixed(1)} s`);
  const choice = job.report!.assumptions.find(({ code }) => code === 'model_choice');
  if (choice) say(choice.reason);
  say(`${foundText(counts)}\n`);
  const truth = town ? await truthAreas(url, town, job.model) : null;
  const head = ['class', 'objects' in counts ? 'objects' : 'areas', 'mapped', ...(truth ? ['truth'] : [])];
  say(head.map((title, column) => (column === 0 ? title.padEnd(12) : title.padStart(12))).join(''));
  for (const total of job.totals) {
    const cells = [
      String(total.count),
      hectares(total.area_m2),
      ...(truth ? [hectares(truth.get(total.class) ?? 0)] : []),
    ];
    say(total.class.padEnd(12) + cells.map((cell) => cell.padStart(12)).join(''));
  }
  if (!town) return;
  const classMap = await openFileStore(dataFolder(), process.env.PLANIMETER_STORE).fetch(`jobs/${job.id}/classes.tif`);
  const { miou, classes } = await evaluateMaps(classMap, town.truth);
  const ious = classes.map((each) => `${each.class} ${(each.iou ?? 0).toFixed(2)}`).join(', ');
  say(`\nAgreement with the truth (IoU): mean ${(miou ?? 0).toFixed(2)}; ${ious}`);
}

const hectares = (areaM2: number): string => `${(areaM2 / 10_000).toFixed(2)} ha`;

/** Ground area of each class in the town's own class map, by class name. */
async function truthAreas(url: string, { truth }: DemoScene, network: string): Promise<Map<string, number>> {
  const model = (await get<ModelJson[]>(`${url}/models`)).find(({ id }) => id === network)!;
  const raster = await openRaster(truth);
  const { pixels } = await raster.read(0, wholeOf(raster));
  const pixelAreaM2 = Math.abs(raster.geotransform[1] * raster.geotransform[5]);
  await raster.close();
  const counts = new Uint32Array(256);
  for (const code of pixels) counts[code]++;
  return new Map(model.classes.map(({ name, value }) => [name, counts[value] * pixelAreaM2]));
}

const get = async <T>(url: string): Promise<T> => answer<T>(await fetch(url, { headers: OWN }));

async function answer<T>(response: Response): Promise<T> {
  const json = await response.json();
  if (!response.ok) throw revive(json as ProblemJson);
  return json as T;
}

const revive = ({ code, detail }: ProblemJson) => problemFromJson({ code: code as ProblemCode, detail });

const pause = () => new Promise((resolve) => setTimeout(resolve, POLL_MS));
