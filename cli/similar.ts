/** `planimeter similar IN.tif --at LON,LAT`: places of an image that look like one of it, as the network sees them. */
import { findNetwork, givesFeatures, jobIdentity, listNetworks } from '../models/registry.ts';
import { parseDevice } from '../models/runtime/device.ts';
import { jobId } from '../server/content-ids.ts';
import { withEphemeralEngine } from '../server/ephemeral-engine.ts';
import { chooseModel, DEFAULT_NETWORK, modelReason } from '../server/networks/choose-network.ts';
import { requireExtraMaps } from '../server/pipeline/extra-maps.ts';
import { inferAndStitch } from '../server/pipeline/infer.ts';
import { parseParameters } from '../server/pipeline/job-parameters.ts';
import { planJob } from '../server/pipeline/plan.ts';
import { choosable } from '../server/pipeline/preflight.ts';
import { settlePrecision } from '../server/pipeline/settle-precision.ts';
import type { WorkContext } from '../server/queue/work-context.ts';
import { similarCells } from '../server/similarity/similar-cells.ts';
import { transformPoints, turnedTo } from '../server/store/tables/georeference.ts';
import type { MappingTools } from '../server/tools.ts';
import { apply, invert } from '../tiler/crs/geotransform.ts';
import {
  DATA_OPTION,
  DEVICE_OPTION,
  JSON_OPTION,
  readArguments,
  readNumber,
  SRS_OPTION,
  usageOf,
  valued,
  WrongCall,
} from './arguments.ts';
import { installedNetwork } from './files.ts';
import { INPUTS_HELP, readInputs, readyScene } from './inputs.ts';
import { createProgressBar } from './progress.ts';
import { onSignal } from './signals.ts';

const MOST = 20;
const LONGITUDE_LATITUDE = 4326;

const OPTIONS = {
  at: valued('LON,LAT', 'the place that others are to look like, in degrees'),
  most: valued('N', `how many places are listed (${MOST})`),
  model: valued('ID', 'the network whose features are compared; else the one that suits the pixel size'),
  device: DEVICE_OPTION,
  srs: SRS_OPTION,
  data: DATA_OPTION,
  json: JSON_OPTION,
};

export const usage = usageOf(
  ['similar IN.tif --at LON,LAT [--most N] [OPTION…]'],
  OPTIONS,
  `${INPUTS_HELP}Lists longitude, latitude and similarity (1: the same) of the places that look most like it, best first.\n`,
);

interface SimilarPlace {
  lon: number;
  lat: number;
  similarity: number;
}

export async function run(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(args, OPTIONS, ['IN.tif']);
  if (values.at === undefined) throw new WrongCall('--at LON,LAT is missing: the place that others are to look like');
  const at = placeOf(values.at);
  const most = values.most === undefined ? MOST : readNumber('most', values.most);
  if (!(Number.isInteger(most) && most >= 1)) throw new WrongCall('--most takes a whole number from 1 on');
  const inputs = await readInputs(positionals, values.srs);
  const device = parseDevice(values.device ?? process.env.PLANIMETER_DEVICE ?? 'auto');
  const named = values.model === undefined ? null : await installedNetwork(values.model, values.data);
  const given = parseParameters({ features: true });
  const bar = createProgressBar();
  const interrupted = new AbortController();
  onSignal(['SIGINT', 'SIGTERM'], () => interrupted.abort());
  const context: WorkContext = {
    signal: interrupted.signal,
    progress: ({ stage, share }) => bar.update(stage, share),
  };
  const places = await withEphemeralEngine(
    async (open, ready): Promise<SimilarPlace[]> => {
      const tools: MappingTools = { ...ready, db: { query: async (...asked) => (await open()).db.query(...asked) } };
      const scene = await readyScene(tools, inputs, {}, context);
      const networks = (await listNetworks()).filter(givesFeatures).map(choosable);
      const network = named ?? (await findNetwork(chooseModel(scene.gsd_m, networks)?.id ?? DEFAULT_NETWORK));
      requireExtraMaps(network, given);
      const parameters = await settlePrecision(given, network, device, ready.chooseRun);
      const id = jobId(scene, jobIdentity(network), parameters);
      const job = { id, scene, network, parameters, modelReason: modelReason(scene.gsd_m, network.id, networks) };
      const planned = await planJob(tools, job, context.signal);
      await inferAndStitch(tools, job, planned, { folder: id }, context);
      const { stride } = network.features!;
      const { grid } = planned;
      const ground = { ...grid, epsg: scene.epsg, geographic: scene.report.geographic };
      const placed = await transformPoints(tools.db, [at], LONGITUDE_LATITUDE, scene.epsg);
      const [[x, y]] = turnedTo(ground, placed).map((point) => apply(invert(grid.geotransform), ...point));
      const asked = { column: Math.floor(x / stride), row: Math.floor(y / stride) };
      const cells = await similarCells(ready.files.path(`${id}/features.tif`), asked, most);
      const middles = cells.map(({ column, row }) =>
        apply(grid.geotransform, (column + 0.5) * stride, (row + 0.5) * stride),
      );
      const found = await transformPoints(tools.db, middles, scene.epsg, LONGITUDE_LATITUDE);
      return cells.map(({ similarity }, i) => ({ lon: found[i][0], lat: found[i][1], similarity }));
    },
    { device, policy: inputs.remote?.policy ?? null },
  ).finally(bar.end);
  process.stdout.write(values.json ? `${JSON.stringify(places)}\n` : places.map(lineOf).join(''));
}

const lineOf = ({ lon, lat, similarity }: SimilarPlace): string =>
  `${lon.toFixed(6)},${lat.toFixed(6)}  ${similarity.toFixed(3)}\n`;

function placeOf(text: string): [lon: number, lat: number] {
  const [lon, lat, ...rest] = text.split(',').map((each) => (each.trim() === '' ? Number.NaN : Number(each)));
  if (rest.length === 0 && Math.abs(lon) <= 180 && Math.abs(lat) <= 90) return [lon, lat];
  throw new WrongCall(`--at takes a longitude and a latitude in degrees, such as 55.27,25.2; got "${text}"`);
}
