/** What became of each building between two dates. */
import { apply, type Geotransform, invert } from '../../tiler/crs/geotransform.ts';
import { compose } from '../../tiler/registration/register.ts';
import { boxOf } from '../../vectorizer/box.ts';
import { readShape, writeShape } from '../../vectorizer/shape.ts';
import { featureId } from '../content-ids.ts';
import { parseWkb } from '../geometry/wkb.ts';
import type { Queryable } from '../store/database/database.ts';
import type { FeatureTable } from '../store/tables/feature-tables.ts';
import { transformPoints } from '../store/tables/georeference.ts';
import { BUILDING_CHANGES, type ChangeRow } from './change-tables.ts';
import type { DatedJob, DatedScene } from './dated-job.ts';
import type { LandChanges } from './land-changes.ts';
import { type DatedBuilding, matchBuildings } from './match-buildings.ts';

const IDENTITY: Geotransform = [0, 1, 0, 0, 0, 1];

/** @param shift from where things are in the first image to where the second has them */
export async function buildingChanges(
  q: Queryable,
  before: DatedJob,
  after: DatedJob,
  shift: Geotransform | null,
  { errorMetres, shows }: LandChanges,
): Promise<{ rows: ChangeRow[]; leftOut: number }> {
  const { gsd_m } = before.scene;
  const frame = await degreesToPixels(q, before.scene);
  const all = await Promise.all([
    buildingsOf(before.buildings, frame, IDENTITY),
    buildingsOf(after.buildings, frame, shift ? invert(shift) : IDENTITY),
  ]);
  const [own, others] = all.map((buildings) => buildings.filter(({ rings }) => shows(boxOf(rings[0]))));
  const leftOut = all[0].length + all[1].length - own.length - others.length;
  const changed = matchBuildings(own, others, gsd_m ** 2, errorMetres / gsd_m);
  const rows = changed.map(({ change, before: a, after: b, iou, withinError }): ChangeRow => {
    const [old, now] = [a === null ? null : own[a], b === null ? null : others[b]];
    const scores = [old?.score, now?.score].filter((score) => typeof score === 'number');
    return {
      id: featureId(`${before.job}/${after.job}`, BUILDING_CHANGES, `${old?.id ?? ''}/${now?.id ?? ''}`),
      ...{ geometry: (now ?? old)!.geometry, change, from: old?.class ?? null, to: now?.class ?? null },
      score: scores.length > 0 ? Math.min(...scores) : null,
      areaM2: Math.abs((now?.areaM2 ?? 0) - (old?.areaM2 ?? 0)),
      ...{ beforeM2: old?.areaM2 ?? null, afterM2: now?.areaM2 ?? null, iou, withinError },
    };
  });
  return { rows, leftOut };
}

/** From degrees to pixels of a scene, true at its middle; far from there buildings keep their place to each other. */
async function degreesToPixels(q: Queryable, { report, epsg }: DatedScene['scene']): Promise<Geotransform> {
  const { geotransform, width, height } = report;
  const [x, y] = [width / 2, height / 2];
  const step = 32;
  const [middle, right, below] = await transformPoints(
    q,
    [apply(geotransform, x, y), apply(geotransform, x + step, y), apply(geotransform, x, y + step)],
    epsg,
    4326,
  );
  const toDegrees: Geotransform = [
    middle[0],
    (right[0] - middle[0]) / step,
    (below[0] - middle[0]) / step,
    middle[1],
    (right[1] - middle[1]) / step,
    (below[1] - middle[1]) / step,
  ];
  return compose([x, 1, 0, y, 0, 1], invert(toDegrees));
}

/** WKB of one polygon; those in two parts at the antimeridian stay where they are. */
const POLYGON = 3;

type FoundBuilding = DatedBuilding & { id: string; class: string; score: number | null; geometry: Uint8Array };

/** @param moved from pixels of the first image to where things lie there */
async function buildingsOf(table: FeatureTable, frame: Geotransform, moved: Geotransform): Promise<FoundBuilding[]> {
  const column = (name: string) => table.columns.findIndex((each) => each.name === name);
  const [area, className, score] = [column('area_m2'), column('class'), column('score')];
  const toPixels = compose(moved, frame);
  const toDegrees = compose(invert(frame), toPixels);
  const isMoved = moved !== IDENTITY;
  const buildings: FoundBuilding[] = [];
  for await (const rows of table.rows()) {
    for (const { id, values, geometry } of rows) {
      const { type, parts } = parseWkb(geometry);
      const rings = parts[0].map((ring) => {
        const pixels = new Float64Array(ring.length);
        for (let i = 0; i < ring.length; i += 2) pixels.set(apply(toPixels, ring[i], ring[i + 1]), i);
        return pixels;
      });
      buildings.push({
        ...{ id, geometry: isMoved && type === POLYGON ? transformed(geometry, toDegrees) : geometry, rings },
        ...{ areaM2: Number(values[area]), class: String(values[className]) },
        score: values[score] as number | null,
      });
    }
  }
  return buildings;
}

/** Of WKB in degrees. */
function transformed(wkb: Uint8Array, map: Geotransform): Uint8Array {
  const shape = readShape(wkb);
  const xy = new Float64Array(shape.xy.length);
  for (let i = 0; i < xy.length; i += 2) xy.set(apply(map, shape.xy[i], shape.xy[i + 1]), i);
  return writeShape({ ...shape, xy });
}
