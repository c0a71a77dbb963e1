/** `planimeter inspect IN.tif…`: what would be understood of an image, and what each network would make of it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listNetworks, networkFolders } from '../models/registry.ts';
import type { PreflightJson } from '../server/api/index.ts';
import { preflight } from '../server/pipeline/preflight.ts';
import { inspectInSandbox } from '../server/processes/ingest-sandbox.ts';
import { createRemoteReader, writeCard } from '../server/remote/reader.ts';
import { unpack } from '../server/scenes/source-files.ts';
import { openDatabase } from '../server/store/database/open-database.ts';
import { freeBytes } from '../server/store/files/free-room.ts';
import { georeference } from '../server/store/tables/georeference.ts';
import type { InspectReport } from '../tiler/ingest/ingest.ts';
import { JSON_OPTION, readArguments, SRS_OPTION, usageOf } from './arguments.ts';
import { sharedFolder } from './files.ts';
import { INPUTS_HELP, type Inputs, readInputs } from './inputs.ts';

const OPTIONS = { srs: SRS_OPTION, json: JSON_OPTION };

export const usage = usageOf(['inspect IN.tif… [--srs EPSG:CODE] [--json]'], OPTIONS, INPUTS_HELP);

export async function run(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(args, OPTIONS, ['IN.tif…']);
  const inputs = await readInputs(positionals, values.srs);
  const file = positionals.length > 1 ? inputs.name : positionals[0];
  const size = inputs.bytes;
  const header = await inspectInputs(inputs);
  const db = await openDatabase({});
  try {
    const { srs, footprint, gsdMetres, findings } = await georeference(db, header);
    const {
      epsg: _epsg,
      userCrs: _own,
      findings: _,
      look: _look,
      rendering: _rendering,
      bandNames: _names,
      ...rest
    } = header;
    const gsd_m = Math.sqrt(gsdMetres.x * gsdMetres.y);
    const facts = {
      ...header,
      gsdMetres,
      findings: [...header.findings, ...findings],
      freeBytes: await freeBytes(tmpdir()),
    };
    const judged = await preflight(facts, await listNetworks(networkFolders(sharedFolder())));
    const report = { file, size, ...rest, srs, gsd_m, footprint, ...judged };
    process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : describe(report));
  } finally {
    await db.close();
  }
}

/** Looks into a ZIP archive of GeoTIFFs too. */
async function inspectInputs(inputs: Inputs): Promise<InspectReport> {
  if (inputs.sources.length > 1) return inspectInSandbox(inputs);
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-tmp-'));
  if (inputs.remote) return inspectRemote(inputs.remote, folder);
  const { sources, release } = await unpack(inputs.sources[0].path, folder, new AbortController().signal);
  try {
    return await inspectInSandbox({ sources, srs: inputs.srs });
  } finally {
    await release();
    await rm(folder, { recursive: true, force: true });
  }
}

/** `folder`: for its card; removed. */
async function inspectRemote({ card, policy }: NonNullable<Inputs['remote']>, folder: string): Promise<InspectReport> {
  const reader = createRemoteReader(policy);
  const path = join(folder, 'image.remote');
  try {
    await writeCard(path, card);
    return await inspectInSandbox({ sources: [{ path }] }, reader.open);
  } finally {
    reader.close();
    await rm(folder, { recursive: true, force: true });
  }
}

type Described = Omit<PreflightJson, 'footprint'>;

function describe(report: Described): string {
  const { file, size, width, height, dtype, srs, gsd_m, nodata, valid_share, content, model } = report;
  const facts: [string, string][] = [
    ['file', `${file}, ${bytesText(size)}`],
    [
      'pixels',
      `${width} × ${height} of ${figure(gsd_m)} m, ${report.bands} ${report.bands === 1 ? 'band' : 'bands'} of ${dtype}`,
    ],
    ['system', srs],
    ['nodata', `${nodata ?? 'none'}; about ${Math.round(valid_share * 100)} % of the pixels hold imagery`],
    ['content', CONTENT[content.kind]],
  ];
  const lines = facts.map(([name, value]) => `${name.padEnd(10)}${value}`);
  for (const band of report.band_values) {
    const use = band.used_for.length > 0 ? ` → ${band.used_for.join(', ')}` : '';
    const [low, , middle, , high] = band.percentiles ?? [];
    const values =
      band.min === null
        ? 'no values'
        : `${figure(band.min)} to ${figure(band.max!)}, 2 % below ${figure(low!)}, half below ${figure(middle!)}, 2 % above ${figure(high!)}`;
    lines.push(
      `${`band ${band.number}`.padEnd(10)}${band.name ?? 'unnamed'}${use}: ${values}  ${sparkline(band.histogram)}`,
    );
  }
  for (const { id, suitable, reason, minutes, memory_bytes } of report.models) {
    const cost = `About ${timeText(minutes)} and ${bytesText(memory_bytes)} of memory.`;
    lines.push(`${suitable ? 'suits' : 'does not suit'} ${id}: ${reason} ${cost}`);
  }
  if (model) lines.push(`takes     ${model.id}: ${model.reason}`);
  for (const { severity, message, fix, job } of report.findings) {
    const remedies = [fix?.replace(/\.$/, ''), job && `in a job: ${JSON.stringify(job)}`].filter(Boolean);
    lines.push(`${severity}: ${message}${remedies.length > 0 ? ` (${remedies.join('; ')})` : ''}`);
  }
  return `${lines.join('\n')}\n`;
}

const CONTENT = {
  imagery: 'looks like imagery',
  few_colours: 'looks like a map or a mask: flat, in few colours',
  paper: 'looks like a scanned sheet: mostly white',
};

/** In the largest unit of which there is at least one. */
function inUnits(value: number, units: readonly [size: number, name: string][], digits: number): string {
  const [size, name] = units.find(([least]) => value >= least) ?? units[units.length - 1];
  return `${(value / size).toFixed(value / size < 10 ? digits : 0)} ${name}`;
}

const bytesText = (bytes: number): string =>
  inUnits(bytes, [[1e12, 'TB'], [1e9, 'GB'], [1e6, 'MB'], [1e3, 'kB'], [1, 'bytes']], bytes < 1e3 ? 0 : 1); // biome-ignore format: a table

const timeText = (minutes: number): string =>
  inUnits(Math.max(1, minutes * 60), [[2 * 86_400, 'days'], [2 * 3600, 'h'], [60, 'min'], [1, 's']], 0); // biome-ignore format: a table

const figure = (value: number): string => String(Number(value.toPrecision(5)));

function sparkline(counts: readonly number[]): string {
  const most = Math.max(...counts, 1);
  return counts.map((count) => (count === 0 ? ' ' : '▁▂▃▄▅▆▇█'[Math.floor((count / most) * 7)])).join('');
}
