/** `planimeter teach IN.tif… LABELS.geojson --from ID --id NEW`: a network that knows a place, by labels drawn on its images. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Problem } from '../errors/problem.ts';
import { withEphemeralEngine } from '../server/ephemeral-engine.ts';
import { publishNetwork } from '../server/networks/mirror-to-bucket.ts';
import type { WorkContext } from '../server/queue/work-context.ts';
import type { ReadyScene } from '../server/scenes/ready-scene.ts';
import { readNewClasses } from '../server/teaching/new-classes.ts';
import { readLabels } from '../server/teaching/read-labels.ts';
import { type TaughtNetwork, teachNetwork } from '../server/teaching/teach-network.ts';
import type { MappingTools } from '../server/tools.ts';
import { readText } from '../tiler/ingest/read-text.ts';
import {
  DATA_OPTION,
  JSON_OPTION,
  readArguments,
  repeated,
  SRS_OPTION,
  usageOf,
  valued,
  WrongCall,
} from './arguments.ts';
import { inputFile, installedNetwork, sharedBucket, sharedFolder } from './files.ts';
import { INPUTS_HELP, type Inputs, readInputs, readyScene } from './inputs.ts';
import { createProgressBar } from './progress.ts';
import { onSignal } from './signals.ts';

const OPTIONS = {
  from: valued('ID', 'the network that is taught, such as landuse-unet'),
  id: valued('NEW', 'the id of the taught network'),
  name: valued('N', 'its name; else the id'),
  class: repeated(
    'NAME=COLOUR:ROLE',
    'a class that it does not have, such as pool=#33aaff:object; ROLE is area, object or line',
  ),
  srs: SRS_OPTION,
  data: DATA_OPTION,
  json: JSON_OPTION,
};

export const usage = usageOf(
  ['teach IN.tif… LABELS.geojson --from ID --id NEW [OPTION…]'],
  OPTIONS,
  `${INPUTS_HELP}Each image is a scene of its own; labels lie on any of them. LABELS.geojson holds points, lines (strokes; "width_m") and
polygons with the attribute "class": a name or code of the network's classes, of a new one, or "not building".
A part of the labels is held back in turn, and what they say of the taught network is printed. Labels that do not make
the map better change nothing: the new network then maps as the old one, and that is said.
`,
);

export async function run(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(args, OPTIONS, ['IN.tif…', 'LABELS.geojson']);
  const { from, id } = values;
  if (from === undefined) throw new WrongCall('--from is missing: the network that is taught, such as landuse-unet');
  if (id === undefined) throw new WrongCall('--id is missing: what the taught network is to be called');
  const network = await installedNetwork(from, values.data);
  const newClasses = readNewClasses(values.class ?? [], network.classes);
  const classes = [
    ...network.classes,
    ...newClasses.map((each, i) => ({ ...each, value: network.classes.length + i })),
  ];
  const text = await readText(await inputFile(positionals.at(-1)!));
  const labels = readLabels(parsed(text, positionals.at(-1)!), classes);
  const inputs: Inputs[] = [];
  for (const path of positionals.slice(0, -1)) inputs.push(await readInputs([path], values.srs));

  const bar = createProgressBar();
  const interrupted = new AbortController();
  onSignal(['SIGINT', 'SIGTERM'], () => interrupted.abort());
  const context: WorkContext = {
    signal: interrupted.signal,
    progress: ({ stage, share }) => bar.update(stage, share),
  };
  const policy = inputs.find(({ remote }) => remote)?.remote?.policy ?? null;
  const folder = sharedFolder(values.data);
  const taught = await withEphemeralEngine(
    async (open, ready) => {
      const tools: MappingTools = { ...ready, db: { query: async (...asked) => (await open()).db.query(...asked) } };
      const scenes: ReadyScene[] = [];
      for (const each of inputs) scenes.push(await readyScene(tools, each, {}, context));
      const labelsSha256 = createHash('sha256').update(text).digest('hex');
      const teaching = { network, scenes, labels, labelsSha256, newClasses, id, name: values.name };
      const onProgress = (share: number) => bar.update('teach', share);
      return teachNetwork(tools, folder, teaching, { signal: interrupted.signal, onProgress });
    },
    { policy },
  ).finally(bar.end);
  const bucket = sharedBucket(values.data);
  if (bucket) await publishNetwork(bucket, join(folder, 'models'), id);
  process.stdout.write(values.json ? `${JSON.stringify(taught)}\n` : summary(taught));
}

function parsed(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const convert = `ogr2ogr -t_srs EPSG:4326 labels.geojson ${path}`;
    throw new Problem('labels_unusable', `"${path}" is not GeoJSON; of another file this makes it: ${convert}`);
  }
}

function summary({ model, derived_from, labels, outside, better, agreement, classes, ...rest }: TaughtNetwork): string {
  const lines = [
    `${model}: ${derived_from} taught by ${labels} ${labels === 1 ? 'label' : 'labels'}${outside > 0 ? `; ${outside} lie on no image` : ''}`,
  ];
  if (!better)
    lines.push(
      `The labels do not make its map better: it maps as ${derived_from}. More labels, where the map is wrong, may help.`,
    );
  if (agreement) {
    const { before, after, change, interval } = agreement;
    const [low, high] = interval.map((each) => points(each));
    lines.push(
      `Held-back labels told rightly: ${percent(before)} before, ${percent(after)} taught (${points(change)} points; 95 % interval ${low} to ${high})`,
    );
    for (const each of classes.filter((one) => one.after !== null)) {
      lines.push(
        `  ${each.class.padEnd(12)} ${percent(each.before!)} → ${percent(each.after!)}  (${each.labels} ${each.labels === 1 ? 'label' : 'labels'})`,
      );
    }
  } else lines.push('There are too few labels to hold some back: how good it is, nobody knows.');
  if (rest.drawn_on_errors) {
    lines.push('Most labels were drawn where the map was wrong: what they say of it is worse than it is.');
  }
  if (rest.contradicted.length > 0) {
    const numbers = rest.contradicted
      .map((index) => index + 1)
      .slice(0, MOST_LISTED)
      .join(', ');
    lines.push(`Labels that the others contradict, by their number in the file: ${numbers}`);
  }
  if (rest.paint_next.length > 0) {
    lines.push('Where labels would teach most (longitude, latitude):');
    for (const { lon, lat } of rest.paint_next) lines.push(`  ${lon.toFixed(6)}, ${lat.toFixed(6)}`);
  }
  lines.push(`Use it: planimeter segment IN.tif out.gpkg --model ${model}`);
  return `${lines.join('\n')}\n`;
}

const MOST_LISTED = 20;
const percent = (share: number): string => `${Math.round(100 * share)} %`;
const points = (share: number): string => `${share >= 0 ? '+' : ''}${(100 * share).toFixed(1)}`;
