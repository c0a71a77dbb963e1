/** `planimeter models list | inspect | add | bench | remove`: the networks that there are, and those that users bring. */

import { join } from 'node:path';
import { bandMetadata, roleMetadata } from '../models/imported/collect-metadata.ts';
import type { NetworkMetadata, Task } from '../models/imported/network-metadata.ts';
import {
  type DrawnScores,
  isDetector,
  listNetworks,
  type Network,
  networkFolders,
  stitchesExactly,
} from '../models/registry.ts';
import { fastest } from '../models/runtime/benchmark.ts';
import { parseDevice } from '../models/runtime/device.ts';
import type { Run } from '../models/runtime/run-profile.ts';
import type { ModelReportJson } from '../server/api/index.ts';
import { addNetwork, inspectNetwork, removeNetwork } from '../server/networks/install-network.ts';
import { publishNetwork, withdrawNetwork } from '../server/networks/mirror-to-bucket.ts';
import { measuredRun, measureRun } from '../server/networks/run-profiles.ts';
import type { Finding } from '../tiler/ingest/findings.ts';
import {
  DATA_OPTION,
  JSON_OPTION,
  readAction,
  readArguments,
  readNumber,
  usageOf,
  valued,
  WrongCall,
} from './arguments.ts';
import { installedNetwork, sharedBucket, sharedFolder } from './files.ts';

/** What stands after each action. */
const ACTIONS = { list: [], inspect: ['ID|X.onnx'], add: ['X.onnx|FOLDER'], bench: ['ID'], remove: ['ID'] };

/** What the command line says of a network. */
const SAID = {
  gsd: valued('M', 'the pixel size that it was trained at, in metres'),
  classes: valued('a,b,…', 'its classes, in order'),
  roles: valued('C=R,…', 'what classes are drawn as: background, building, road, vegetation or water'),
  task: valued('T', 'segmentation or detection'),
  bands: valued('B', 'rgb, bgr or names such as red,green,blue,nir'),
  'divide-by': valued('N', 'what pixel values are divided by'),
  mean: valued('a,b,c', 'what is taken off each band then'),
  std: valued('a,b,c', 'what each band is divided by then'),
  activation: valued('A', 'sigmoid, softmax or none: what its numbers still lack'),
  threshold: valued('P', 'of one class: the least probability of it'),
  confidence: valued('P', 'of boxes: the least score'),
  overlap: valued('P', 'of boxes: how much two may overlap'),
};

const OPTIONS = {
  id: valued('ID', 'the id of a new network; else made of its name'),
  name: valued('N', 'the name of a new network'),
  ...SAID,
  scene: valued('IN.tif', 'of inspect: an image to try halos on'),
  device: valued('D', 'of bench: auto, cpu, webgpu or cuda[:N] (PLANIMETER_DEVICE, else auto)'),
  data: DATA_OPTION,
  json: JSON_OPTION,
};

export const usage = usageOf(
  [
    'models list [--json]                      the networks',
    'models inspect ID|X.onnx [--scene IN.tif] what is understood of a network, what halos are worth',
    'models add X.onnx|FOLDER [OPTION…]        a network of yours, tried out first',
    'models bench ID [--device D]              how fast it is here, by chip size',
    'models remove ID                          a network that was added',
  ],
  OPTIONS,
  'What its file, or what lies beside it, says of a network need not be said again.\n',
);

export async function run([given, ...args]: string[]): Promise<void> {
  const action = readAction('models', given, Object.keys(ACTIONS) as (keyof typeof ACTIONS)[]);
  const { values, positionals } = readArguments(args, OPTIONS, ACTIONS[action]);
  const [subject] = positionals;
  const folder = sharedFolder(values.data);
  const bucket = sharedBucket(values.data);
  if (!values.json) process.stderr.write(`networks that were added are in ${join(folder, 'models')}\n`);
  const print = (report: ModelReportJson) =>
    process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : describe(report));
  if (action === 'list') {
    await list(folder, values.json === true);
  } else if (action === 'inspect') {
    print(await inspectNetwork(folder, subject, saidBy(values), values.scene));
  } else if (action === 'add') {
    const { id, name } = values;
    const report = await addNetwork(folder, subject, { id, name, said: saidBy(values) });
    if (bucket) await publishNetwork(bucket, join(folder, 'models'), report.id!);
    print(report);
  } else if (action === 'bench') {
    await bench(await installedNetwork(subject, values.data), values.device, values.json === true);
  } else {
    await removeNetwork(folder, subject);
    if (bucket) await withdrawNetwork(bucket, subject);
    process.stdout.write(values.json ? `${JSON.stringify({ removed: subject })}\n` : `${subject} is removed\n`);
  }
}

async function list(folder: string, json: boolean): Promise<void> {
  const networks = await listNetworks(networkFolders(folder));
  const device = readDevice();
  const runs = await Promise.all(networks.map((network) => measuredRun(network, device)));
  if (json) {
    const rows = networks.map((network, i) => {
      const { modelPath: _, adapter, gsdMetres, int8, scoresByPlace, drawnByPlace, ...rest } = network;
      return {
        ...rest,
        gsd_m: gsdMetres,
        ...(scoresByPlace && { scores_by_place: scoresByPlace }),
        ...(drawnByPlace && { drawn_by_place: drawnByPlace }),
        kind: adapter ? 'added' : 'shipped',
        task: isDetector(network) ? 'detection' : 'segmentation',
        exact: stitchesExactly(network),
        precisions: int8 ? ['fp32', 'int8'] : ['fp32'],
        run: runs[i] ?? null,
      };
    });
    process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    return;
  }
  for (const [i, network] of networks.entries()) {
    const { id, gsdMetres, halo, stride, classes, description, miou, scoresByPlace, drawnByPlace } = network;
    const facts = [
      gsdMetres === null ? 'pixels as they are' : `${gsdMetres} m per pixel`,
      stitchesExactly(network) ? `exact with a halo of ${halo}` : 'blended',
      `stride ${stride}`,
      ...(miou === undefined ? [] : [`mIoU ${miou.toFixed(3)} at unseen places`]),
      speedOf(network, runs[i]),
    ];
    process.stdout.write(`${id}: ${classes.map(({ name }) => name).join(', ')}\n  ${facts.join('; ')}\n`);
    process.stdout.write(`  ${description}\n`);
    for (const [place, scores] of Object.entries(scoresByPlace ?? {})) {
      const ious = Object.entries(scores).map(([name, iou]) => `${name} ${iou.toFixed(2)}`);
      process.stdout.write(`    ${place}: ${ious.join(', ')}${drawnText(drawnByPlace?.[place])}\n`);
    }
  }
}

function drawnText({ buildings_f1_50: f1, roads_apls: apls }: DrawnScores = {}): string {
  const figures = [
    ...(f1 === undefined ? [] : [`buildings F1 ${f1.toFixed(2)}`]),
    ...(apls === undefined ? [] : [`roads APLS ${apls.toFixed(2)}`]),
  ];
  return figures.length > 0 ? `; as drawn: ${figures.join(', ')}` : '';
}

function speedOf({ id }: Network, run: Run | undefined): string {
  if (!run) return `speed: planimeter models bench ${id}`;
  return `${run.core_mpx_s[run.precision]} million pixels a second in ${run.precision} on ${run.device}`;
}

const readDevice = (given?: string) => parseDevice(given ?? process.env.PLANIMETER_DEVICE ?? 'auto');

async function bench(network: Network, wanted: string | undefined, json: boolean): Promise<void> {
  const { id } = network;
  if (isDetector(network)) throw new WrongCall(`"${id}" draws boxes; only networks that draw maps are measured`);
  const { run, speeds } = await measureRun(network, readDevice(wanted));
  const { device } = run;
  if (json) {
    process.stdout.write(`${JSON.stringify({ id, device, speeds }, null, 2)}\n`);
    return;
  }
  process.stdout.write(`${id} on ${device}\nweights chip    core    batch   ms      Mpx/s   core Mpx/s\n`);
  const taken = fastest(speeds);
  for (const speed of speeds) {
    const { precision, chip, core, batch, milliseconds, mpx_s, core_mpx_s } = speed;
    const cells = [precision, chip, core, batch, milliseconds, mpx_s.toFixed(2), core_mpx_s.toFixed(2)];
    const mark = speed === taken ? '  taken' : '';
    process.stdout.write(
      `${cells
        .map((cell) => String(cell).padEnd(8))
        .join('')
        .trimEnd()}${mark}\n`,
    );
  }
}

function saidBy(values: Partial<Record<keyof typeof SAID, string>>): NetworkMetadata {
  const numbers = (name: 'mean' | 'std') => values[name]?.split(',').map((part) => readNumber(name, part));
  const one = (name: 'gsd' | 'divide-by' | 'threshold' | 'confidence' | 'overlap') =>
    values[name] === undefined ? undefined : readNumber(name, values[name]);
  const choice = <T extends string>(name: 'task' | 'activation', choices: readonly T[]): T | undefined => {
    const value = values[name];
    const found = choices.find((each) => each === value);
    if (value !== undefined && !found) throw new WrongCall(`--${name} is one of ${choices.join(', ')}; got "${value}"`);
    return found;
  };
  const gsdMetres = one('gsd');
  if (gsdMetres !== undefined && gsdMetres <= 0) throw new WrongCall('--gsd is a number of metres above 0');
  const facts = {
    gsdMetres,
    classes: values.classes?.split(',').map((name, value) => ({ value, name: name.trim() })),
    ...roleMetadata(values.roles),
    task: choice<Task>('task', ['segmentation', 'detection']),
    divisor: one('divide-by'),
    mean: numbers('mean'),
    deviation: numbers('std'),
    ...bandMetadata(values.bands),
    activation: choice('activation', ['sigmoid', 'softmax', 'none'] as const),
    threshold: one('threshold'),
    confidence: one('confidence'),
    overlap: one('overlap'),
  };
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

function describe(report: ModelReportJson): string {
  const { id, name, task, classes, findings, gsd_m, self_test: test } = report;
  const certificate = report.certificate as { exact: boolean; receptive_field: number[] | null; stride: number };
  const tensors = (list: ModelReportJson['inputs']) =>
    list.map((each) => `${each.name} ${each.type} [${each.dims.map((dim) => dim ?? '?').join(', ')}]`).join('; ');
  const field = certificate.receptive_field
    ? `looks ${certificate.receptive_field.join(', ')} pixels far`
    : 'looks everywhere';
  const rows: [string, string][] = [
    ['network', id === null ? name : `${id} (${name})`],
    ['task', task],
    ['input', tensors(report.inputs)],
    ['output', tensors(report.outputs)],
    ['classes', classes.map(({ name, role }) => (role && role !== name ? `${name} (${role})` : name)).join(', ')],
    ['pixel size', gsd_m === null ? 'as the image has it' : `${gsd_m} m`],
    ['stitching', `${certificate.exact ? 'exact' : 'blended'}; ${field}, stride ${certificate.stride}`],
  ];
  for (const { halo, differing, max_delta } of report.halos?.steps ?? []) {
    const worth =
      differing === 0 ? 'as one pass' : `${(100 * differing).toPrecision(2)} % differ, by ${max_delta} at most`;
    rows.push([`halo ${halo}`, worth]);
  }
  if (test) {
    const { milliseconds, width, height, shares } = test as {
      milliseconds: number;
      width: number;
      height: number;
      shares: object;
    };
    rows.push(['self-test', `${width} × ${height} pixels in ${milliseconds} ms: ${JSON.stringify(shares)}`]);
  }
  const lines = rows.map(([title, value]) => `${title.padEnd(12)} ${value}`);
  for (const { severity, message, fix } of findings as Finding[])
    lines.push(`${severity}: ${message}${fix ? ` ${fix}` : ''}`);
  return `${lines.join('\n')}\n`;
}
