/** What is known of a finished job → the sheet of it, in the words of people who read maps. */
import type { JobAccuracyJson, JobReport, SceneRights } from '../api/index.ts';
import type { Summary } from '../api/summary.ts';
import { accuracySection } from './accuracy-section.ts';
import { drawMap, type MapFrame } from './map-drawing.ts';
import type { Placed } from './place-map.ts';
import type { Bar, Section, Sheet } from './sheet.ts';

export interface Described {
  title: string | undefined;
  job: { id: string; model: string; finished_at: string | null; report: JobReport };
  scene: {
    name: string;
    sha256: string;
    srs: string | null;
    capturedAt: string | null;
    url: string | null;
  } & SceneRights;
  /** Of the network, where it is installed. */
  network: { name: string; license: string | null } | null;
  placed: Placed;
  frame: MapFrame;
  /** Or why there is none. */
  summary: Summary | string;
  /** By a sample at which people looked, where there is one. */
  accuracy?: JobAccuracyJson | null;
  /** Of the job's files, by name, where they are known. */
  hashes: readonly [name: string, sha256: string][];
}

const INK = '#6e6e73';
const ROADS = '#5e5ce6';
/** Landmarks on a sheet. */
const MOST_LANDMARKS = 5;

const number = (value: number, digits = 0) => value.toLocaleString('en', { maximumFractionDigits: digits });
const share = (value: number | null) => (value === null ? 'not known' : `${number(value * 100, 1)} %`);
const area = (m2: number) =>
  m2 >= 1e6 ? `${number(m2 / 1e6, 2)} km²` : m2 >= 1e4 ? `${number(m2 / 1e4, 2)} ha` : `${number(m2)} m²`;
const length = (metres: number) => (metres >= 1000 ? `${number(metres / 1000, 2)} km` : `${number(metres)} m`);
const known = (rows: [string, string | null | undefined][]): [string, string][] =>
  rows.filter((row): row is [string, string] => typeof row[1] === 'string' && row[1] !== '');

export function composeSheet(described: Described): Sheet {
  const { title, job, scene, placed, frame, summary, accuracy } = described;
  const { report } = job;
  const classes = report.classes ?? [];
  const grid = report.model_grid;
  return {
    title: title ?? scene.name,
    subtitle: `Mapped by ${described.network?.name ?? job.model}${job.finished_at ? ` on ${job.finished_at.slice(0, 10)}` : ''}`,
    map: (width, height) => drawMap(frame, width, height),
    legend: classes.filter(({ name }) => (report.areas_m2[name] ?? 0) > 0 || 'objects' in report.counts),
    captions: [
      `Corners, from the upper left clockwise: ${placed.corners.map(cornerText).join('; ')}.`,
      `Grid: ${systemText(scene.srs)}.${grid ? ` One pixel of the map is ${number(grid.gsd_m, 3)} m.` : ''}`,
      [
        scene.attribution ? `Image: ${scene.attribution}.` : 'Nothing is said of whose image this is.',
        scene.license ? `Its licence: ${scene.license}.` : 'Its licence is not said.',
      ].join(' '),
    ],
    sections: [
      found(report),
      ...(accuracy ? [accuracySection(accuracy)] : []),
      ...(typeof summary === 'string' ? [{ heading: 'This place', notes: [summary] }] : placeSections(summary)),
      trust(report),
      ...assumptions(report),
      provenance(described),
    ],
  };
}

function cornerText([lon, lat]: readonly [number, number]): string {
  if (!Number.isFinite(lon) || !Number.isFinite(lat)) return 'not in degrees';
  return `${Math.abs(lat).toFixed(5)}° ${lat < 0 ? 'S' : 'N'} ${Math.abs(lon).toFixed(5)}° ${lon < 0 ? 'W' : 'E'}`;
}

/** A code, or the name that stands in WKT. */
function systemText(srs: string | null): string {
  if (srs === null) return 'system not known';
  return /^\s*\w+\["([^"]*)"/.exec(srs)?.[1] ?? srs;
}

function barsOf(rows: readonly { name: string; amount: number; value: string; color: string }[]): Bar[] {
  const most = Math.max(...rows.map(({ amount }) => amount), 0);
  return rows.map(({ amount, ...bar }) => ({ ...bar, share: most > 0 ? amount / most : 0 }));
}

const COLLECTIONS: Record<string, string> = {
  ...{ landuse: 'Areas of land use', buildings: 'Buildings', roads: 'Stretches of road', objects: 'Objects' },
};

function found({ counts, areas_m2, classes = [] }: JobReport): Section {
  const whole = Object.values(areas_m2).reduce((sum, each) => sum + each, 0);
  const colours = new Map(classes.map(({ name, color }) => [name, color]));
  const rows = Object.entries(areas_m2)
    .sort(([, a], [, b]) => b - a)
    .map(([name, m2]) => ({
      ...{ name, amount: m2, value: `${area(m2)}, ${share(whole > 0 ? m2 / whole : 0)}` },
      color: colours.get(name) ?? INK,
    }));
  return {
    heading: 'What was found',
    rows: [
      ...Object.entries(counts).map(([name, count]): [string, string] => [COLLECTIONS[name] ?? name, number(count)]),
      ...(whole > 0 ? [['Mapped', area(whole)] as [string, string]] : []),
    ],
    bars: barsOf(rows),
  };
}

function placeSections({ built_up, blocks, landmarks, roads, surroundings, not_told }: Summary): Section[] {
  const densest = built_up.densest;
  const place: Section = {
    heading: 'This place',
    rows: known([
      ['Built-up ground', `${area(built_up.built_up_m2)}, ${share(built_up.built_up_share)}`],
      ['Buildings per km²', built_up.buildings_per_km2 === null ? null : number(built_up.buildings_per_km2)],
      ['Densest cell', densest && `${share(densest.built_up_share)} built up (H3 ${densest.cell})`],
      [
        'City blocks',
        blocks.count > 0
          ? `${number(blocks.count)}, ${share(blocks.building_coverage)} covered by buildings`
          : 'none closed by roads',
      ],
      ['Median block', blocks.median_area_m2 === null ? null : area(blocks.median_area_m2)],
      ['Green around buildings', spreadText(surroundings.green)],
      ['Water around buildings', spreadText(surroundings.water)],
      ['Buildings without green', surroundings.without_green === null ? null : number(surroundings.without_green)],
    ]),
    notes: [
      ...(not_told.length > 0 ? [`The network has no class for ${not_told.join(', ')}: nothing is known of it.`] : []),
      `Around a building is within ${number(surroundings.radius_m)} m. Areas and lengths are geodesic (WGS 84).`,
    ],
  };
  const network: Section = {
    heading: 'Roads',
    rows: known([
      ['Length', length(roads.length_m)],
      [
        'Junctions',
        `${number(roads.junctions)}${roads.junctions_per_km2 === null ? '' : `, ${number(roads.junctions_per_km2, 1)} per km²`}`,
      ],
      ['Dead ends', `${number(roads.dead_ends)}, and ${number(roads.cut_off)} where the image ends`],
    ]),
    bars: barsOf(
      roads.by_width.map(({ from_m, below_m, length_m }) => ({
        name:
          from_m === null
            ? 'width not known'
            : below_m === null
              ? `${from_m} m and wider`
              : `${from_m} to ${below_m} m wide`,
        ...{ amount: length_m, value: length(length_m), color: ROADS },
      })),
    ),
  };
  const unusual: Section = {
    heading: 'Buildings that stand out',
    rows: landmarks
      .slice(0, MOST_LANDMARKS)
      .map(({ lon, lat, area_m2, reasons }): [string, string] => [
        `${lat.toFixed(5)}, ${lon.toFixed(5)}`,
        `${area(area_m2)}: ${reasons.map(reasonText).join(', ')}`,
      ]),
  };
  return [place, ...(roads.length_m > 0 ? [network] : []), ...(landmarks.length > 0 ? [unusual] : [])];
}

type Reason = Summary['landmarks'][number]['reasons'][number];

function reasonText({ reason, value, typical }: Reason): string {
  if (reason === 'area') return value > typical ? 'unusually large' : 'unusually small';
  return reason === 'isolation' ? `${length(value)} from the next` : 'of unusual shape';
}

function spreadText({ mean, lower_quartile, median, upper_quartile }: Summary['surroundings']['green']): string | null {
  if (mean === null) return null;
  return `${share(mean)} on average (quartiles ${share(lower_quartile)}, ${share(median)}, ${share(upper_quartile)})`;
}

function trust({ ledger, seam, findings = [], device }: JobReport): Section {
  const whole = ledger.done + ledger.nodata + ledger.outside + ledger.failed + ledger.pending;
  const part = (pixels: number) => `${number(pixels)} pixels, ${share(whole > 0 ? pixels / whole : 0)}`;
  return {
    heading: 'How far it holds',
    rows: known([
      ['Computed', part(ledger.done)],
      ['Without imagery', ledger.nodata > 0 ? part(ledger.nodata) : null],
      ['Outside the area of interest', ledger.outside > 0 ? part(ledger.outside) : null],
      [
        'Failed',
        ledger.failed > 0 ? `${part(ledger.failed)}: there is nothing there, whatever the image shows` : 'nothing',
      ],
      [
        'Seams',
        seam.certified
          ? 'none: chips leave no trace, by proof'
          : `neighbouring chips disagree about ${share(seam.disagreement)}`,
      ],
      ['Computed on', device?.name],
    ]),
    notes: findings.filter(({ severity }) => severity !== 'info').map(({ message }) => message),
  };
}

function assumptions({ assumptions: made }: JobReport): Section[] {
  if (made.length === 0) return [];
  return [{ heading: 'What was assumed', notes: made.map(({ reason }) => reason) }];
}

/** Of an area of interest, which may have thousands of corners, the beginning. */
const MOST_LETTERS = 200;

function parametersText(parameters: JobReport['parameters']): string {
  const said = Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1));
  const text = said.map(([name, value]) => {
    const whole = JSON.stringify(value);
    return `${name} ${whole.length > MOST_LETTERS ? `${whole.slice(0, MOST_LETTERS)}… (whole in report.json)` : whole}`;
  });
  return text.join(', ');
}

function provenance({ job, scene, network, hashes }: Described): Section {
  const { report } = job;
  return {
    heading: 'Where it comes from',
    rows: known([
      ['Image', scene.name],
      ['Taken', scene.capturedAt],
      ['Read at', scene.url],
      ['SHA-256 of the image', scene.sha256],
      ['System', systemText(scene.srs)],
      ['Network', job.model],
      ['Its licence', network?.license],
      ['Its card', `models/${job.model}/CARD.md`],
      ['SHA-256 of its weights', report.model_sha256],
      ['Parameters', parametersText(report.parameters)],
      ['Program', `Planimeter ${report.version ?? ''}`.trim()],
      ['Job', job.id],
      ['Finished', job.finished_at],
      ...hashes.map(([name, sha256]): [string, string] => [`SHA-256 of ${name}`, sha256]),
    ]),
    notes: [
      '"planimeter replay" makes the result again from its package and the image, and says whether it is the same.',
    ],
  };
}
