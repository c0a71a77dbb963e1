/** Two mapped scenes of one place → what changed between them, of what is more than their errors. */
import { apply } from '../../tiler/crs/geotransform.ts';
import type { Registration } from '../../tiler/registration/register.ts';
import type { Queryable } from '../store/database/database.ts';
import type { FeatureTable } from '../store/tables/feature-tables.ts';
import { transformPoints } from '../store/tables/georeference.ts';
import { buildingChanges } from './building-changes.ts';
import { changeTables } from './change-tables.ts';
import type { DatedJob, DatedScene } from './dated-job.ts';
import { type ChangeOptions, landChanges, UNREGISTERED_ERROR_METRES } from './land-changes.ts';
import { CHANGES } from './match-buildings.ts';
import { registerScenes } from './register-scenes.ts';

interface ChangeFinding {
  code: 'not_registered' | 'ground_sizes_differ' | 'bands_differ';
  severity: 'warning';
  message: string;
}

export interface ChangeReport {
  registration: {
    /** Windows that show the same in both images, of those looked at. */
    windows: number;
    tried: number;
    /** Shifts of the second image against the first, beyond their georeference; null where nothing was found. */
    median_m: number | null;
    p90_m: number | null;
    /** What remains of them once the geometry is moved. */
    residual_m: number | null;
    shifts: { lon: number; lat: number; east_m: number; north_m: number }[];
  };
  /** How far borders may lie beside each other without a change. */
  error_m: number;
  findings: ChangeFinding[];
  /** Areas by class before and after, m². */
  matrix_m2: Record<string, Record<string, number>>;
  /** Of the matrix, what the error alone explains or is smaller than what counts, m². */
  within_error_m2: number;
  /** `not_compared`: buildings that reach where one of the images shows nothing. */
  counts: { landuse: number; buildings: Record<string, number>; not_compared: number };
}

export interface Changes {
  tables: FeatureTable[];
  report: ChangeReport;
}

/** In the frame of the first image. Throws Problem bad_request where the two share no ground. */
export async function findChanges(
  q: Queryable,
  before: DatedJob,
  after: DatedJob,
  options: ChangeOptions,
): Promise<Changes> {
  const registered = await registerScenes(q, before, after);
  const { found } = registered;
  const land = await landChanges(q, before, after, registered, options);
  const { rows: buildings, leftOut } = await buildingChanges(q, before, after, found?.shift ?? null, land);
  return {
    tables: changeTables(before, after, land.rows, buildings),
    report: {
      registration: found ? await describe(q, before.scene, found) : UNREGISTERED,
      error_m: land.errorMetres,
      findings: [...(found ? [] : [NOT_REGISTERED]), ...differencesOf(before.scene, after.scene)],
      matrix_m2: land.matrixM2,
      within_error_m2: land.withinErrorM2,
      counts: {
        landuse: land.rows.length,
        buildings: Object.fromEntries(
          CHANGES.map((change) => [change, buildings.filter((row) => row.change === change).length]),
        ),
        not_compared: leftOut,
      },
    },
  };
}

async function describe(
  q: Queryable,
  { report: { geotransform }, gsd_m, epsg }: DatedScene['scene'],
  { windows, tried, medianPixels, p90Pixels, residualP90Pixels }: Registration,
): Promise<ChangeReport['registration']> {
  const ends = windows.flatMap(({ x, y, dx, dy }) => [apply(geotransform, x, y), apply(geotransform, x + dx, y + dy)]);
  const placed = await transformPoints(q, ends, epsg, 4326);
  return {
    ...{ windows: windows.length, tried },
    ...{ median_m: medianPixels * gsd_m, p90_m: p90Pixels * gsd_m, residual_m: residualP90Pixels * gsd_m },
    shifts: windows.map((_, i) => {
      const [[lon, lat], [lonB, latB]] = [placed[2 * i], placed[2 * i + 1]];
      const parallel = Math.cos((lat * Math.PI) / 180);
      const [east, north] = [(lonB - lon) * DEGREE_METRES * parallel, (latB - lat) * DEGREE_METRES];
      return { lon, lat, east_m: round(east), north_m: round(north) };
    }),
  };
}

const UNREGISTERED: ChangeReport['registration'] = {
  ...{ windows: 0, tried: 0, median_m: null, p90_m: null, residual_m: null, shifts: [] },
};

const DEGREE_METRES = 111_320;
const round = (metres: number) => Math.round(metres * 100) / 100;

/** Of a pixel's side, one image against the other, beyond which maps differ by it. */
const MOST_GROUND_SIZE_RATIO = 1.5;

/** What makes maps of the same ground differ. */
function differencesOf(before: DatedScene['scene'], after: DatedScene['scene']): ChangeFinding[] {
  const findings: ChangeFinding[] = [];
  const ratio = Math.max(before.gsd_m, after.gsd_m) / Math.min(before.gsd_m, after.gsd_m);
  if (ratio > MOST_GROUND_SIZE_RATIO) {
    const sizes = [before, after].map(({ gsd_m }) => `${gsd_m.toFixed(2)} m`).join(' and ');
    const message = `The images have pixels of ${sizes}: much of what differs is what the coarser one does not show.`;
    findings.push({ code: 'ground_sizes_differ', severity: 'warning', message });
  }
  if (before.report.bands !== after.report.bands) {
    const message = `The images have ${before.report.bands} and ${after.report.bands} bands: what the network makes of them differs.`;
    findings.push({ code: 'bands_differ', severity: 'warning', message });
  }
  return findings;
}

const NOT_REGISTERED = {
  code: 'not_registered',
  severity: 'warning',
  message:
    `Too little looks the same in both images to say how they lie against each other: their georeference was believed, ` +
    `and borders that lie ${UNREGISTERED_ERROR_METRES} m and a pixel of the map apart count as the same.`,
} as const;
