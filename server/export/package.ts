/** A finished job → one zip, streamed: features, maps, report, and what they are and may be used for in plain words. */
import type { JobAccuracyJson, JobReport, SceneRights } from '../api/index.ts';
import { type FileStore, fetchIfThere } from '../store/files/file-store.ts';
import { recordOf } from './replay-record.ts';
import { zipOf } from './zip.ts';

export interface Packaged {
  job: { id: string; workspace: string; model: string; finished_at: string | null; report: JobReport };
  scene: { name: string; sha256: string; srs: string | null; url: string | null } & SceneRights;
  /** Of the network, where its maker says it. */
  modelLicense: string | null;
  /** On this machine's disk, as the maps are. */
  geopackage: string;
  maps: PackagedMaps;
  /** By a sample at which people looked. */
  accuracy?: JobAccuracyJson | null;
}

/** What each map is, in words. */
const MAPS = {
  classes: 'the class map: a code a pixel, 255 where there is nothing',
  scores: 'the probability of the class, in 255ths',
  probabilities: 'the probability of every class, a band each, in 255ths',
  features: "the network's feature layer, a band a channel",
} as const;

/** Paths of the maps that there are, by name: detectors draw none. */
type PackagedMaps = Partial<Record<keyof typeof MAPS, string>>;

/** The maps of a finished job, on this machine's disk. */
export async function mapsThere(files: FileStore, { id }: { id: string }): Promise<PackagedMaps> {
  const maps: PackagedMaps = {};
  for (const name of Object.keys(MAPS) as (keyof typeof MAPS)[]) {
    const path = await fetchIfThere(files, `jobs/${id}/${name}.tif`);
    if (path !== null) maps[name] = path;
  }
  return maps;
}

/** @returns the zip's bytes, to be read once, and how many they are */
export async function packageJob(packaged: Packaged): Promise<{ bytes: bigint; stream: ReadableStream<Uint8Array> }> {
  const { job, geopackage, maps, accuracy } = packaged;
  const record = await recordOf(packaged);
  const texts = {
    'README.txt': readme(packaged),
    'LICENCE.txt': licence(packaged),
    'replay.json': `${JSON.stringify(record, null, 2)}\n`,
    'report.json': `${JSON.stringify(job.report, null, 2)}\n`,
    ...(accuracy && { 'accuracy.json': `${JSON.stringify(accuracy, null, 2)}\n` }),
  };
  const files = Object.entries(maps).map(([name, path]) => [`${name}.tif`, path]);
  return zipOf(texts, { 'features.gpkg': geopackage, ...Object.fromEntries(files) });
}

/** Letters of the column of file names. */
const MAP_NAME = 19;

const number = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

function readme({ job, scene, maps, accuracy }: Packaged): string {
  const { report } = job;
  const rows = (of: Record<string, number>, unit: string) =>
    Object.entries(of).map(([name, value]) => `  ${name.padEnd(14)}${number.format(value).padStart(16)}${unit}`);
  const { ledger } = report;
  const mapLines = (Object.keys(maps) as (keyof typeof MAPS)[]).map(
    (name) => `${`${name}.tif`.padEnd(MAP_NAME)}${MAPS[name]}`,
  );
  return `${[
    `Planimeter${report.version ? ` ${report.version}` : ''}: ${scene.name}, mapped by ${job.model}`,
    '',
    'features.gpkg      the features, a layer a collection, in longitude and latitude (EPSG:4326)',
    ...mapLines,
    'report.json        what was assumed, found and measured',
    ...(accuracy
      ? ['accuracy.json      how good the map is, and areas with intervals, by points that people looked at']
      : []),
    'replay.json        hashes of all of it: "planimeter replay" makes it again from the image',
    'LICENCE.txt        what this may be used for',
    '',
    `Image           ${scene.name}, SHA-256 ${scene.sha256}${scene.url ? `, read at ${scene.url}` : ''}`,
    `System          ${scene.srs ?? 'unknown'}`,
    `Network         ${job.model}${report.model_sha256 ? `, weights SHA-256 ${report.model_sha256}` : ''}`,
    `Job             ${job.id}${job.finished_at ? `, finished ${job.finished_at}` : ''}`,
    ...(report.model_grid ? [`Pixel           ${number.format(report.model_grid.gsd_m)} m`] : []),
    '',
    'Features',
    ...rows(report.counts ?? {}, ''),
    ...(Object.keys(report.areas_m2 ?? {}).length > 0 ? ['', 'Land use', ...rows(report.areas_m2, ' m²')] : []),
    '',
    'Areas and lengths are geodesic, on the WGS 84 ellipsoid.',
    ...(accuracy ? ['', 'How good the map is', ...accuracy.text.map((sentence) => `  ${sentence}`)] : []),
    ...(ledger && ledger.failed > 0
      ? [
          `${number.format(ledger.failed)} pixels could not be computed: there is nothing there, whatever the image shows.`,
        ]
      : []),
    ...((report.assumptions ?? []).length > 0 ? ['', 'What was assumed'] : []),
    ...(report.assumptions ?? []).map(({ code, value, reason }) => `  ${code}: ${JSON.stringify(value)}. ${reason}`),
  ].join('\n')}\n`;
}

function licence({ job, scene, modelLicense }: Packaged): string {
  return `${[
    'The features, the maps and the report were computed from the image below. Planimeter claims no rights in them.',
    '',
    `Image: ${scene.name}`,
    ...(scene.attribution ? [`  To be named: ${scene.attribution}`] : []),
    ...(scene.license ? [`  Licence: ${scene.license}`] : []),
    '  Its owner says what it, and what is derived from it, may be used for, and how its source is to be named.',
    ...(scene.attribution || scene.license ? [] : ['  Planimeter was not told.']),
    '',
    `Network: ${job.model}`,
    modelLicense ? `  Licence: ${modelLicense}` : '  Its licence was not told.',
    '',
    'Program: Planimeter, Apache-2.0',
  ].join('\n')}\n`;
}
