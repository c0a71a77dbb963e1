/**
 * A class map and the true one in, scores of what would be drawn from them out: buildings found one for one, and routes
 * on the road network (APLS). What the truth does not tell of is left out of both.
 */
import { apply, type Geotransform, invert } from '../../tiler/crs/geotransform.ts';
import {
  countObjects,
  type ObjectCounts,
  type ObjectScores,
  scoreObjects,
} from '../../vectorizer/buildings/object-scores.ts';
import { regularizeBuildings } from '../../vectorizer/buildings/regularize.ts';
import { apls, type Graph } from '../../vectorizer/roads/apls.ts';
import { roadNetwork } from '../../vectorizer/roads/network.ts';
import { createRoadSurface } from '../../vectorizer/roads/surface.ts';
import { createTracer } from '../../vectorizer/trace/trace.ts';
import { exactRegions, sieveGraph } from '../../vectorizer/vectorize.ts';
import type { ObjectCodes } from './draw-options.ts';
import { MIN_BUILDING_IOU, WALL_PIXELS } from './draw-options.ts';

export interface CodedMap {
  width: number;
  height: number;
  /** width * height class codes; what is none of the classes is not known, or not mapped. */
  codes: Uint8Array;
  geotransform: Geotransform;
  /** Ground size of a pixel. */
  pixelMetres: number;
}

export interface VectorScores {
  /** Null where no building is in the truth. */
  buildings: ObjectScores | null;
  /** Null where no road is in the truth. */
  roads: { apls: number; truth_m: number; predicted_m: number } | null;
}

export interface VectorTally {
  objects: ObjectCounts;
  roads: { weighted: number; truthMetres: number; predictedMetres: number };
}

export interface DrawOptions {
  codes: ObjectCodes;
  /** Codes from here on are no class. */
  classCount: number;
  minAreaM2: number;
  toleranceMetres: number;
}

/** Codes of a truth that says no more than "not a building", and "not a road". */
const NOT_BUILDING = 254;
const NOT_ROAD = 253;
const NODATA = 255;
/** Routes are taken from so many places of a map; more change the third decimal. */
const MAX_SOURCES = 300;

export const createVectorTally = (): VectorTally => ({
  objects: { truth: 0, predicted: 0, found50: 0, found75: 0 },
  roads: { weighted: 0, truthMetres: 0, predictedMetres: 0 },
});

/** Adds a map; the two may have pixels of different sizes on the same ground. */
export function addVectors(tally: VectorTally, truth: CodedMap, predicted: CodedMap, options: DrawOptions): void {
  const { building, road } = options.codes;
  if (building !== null && truth.codes.includes(building)) addBuildings(tally, truth, predicted, building, options);
  if (road !== null && truth.codes.includes(road)) addRoads(tally, truth, predicted, road, options);
}

/** Over everything added; APLS is the mean over the maps, weighted by how long their roads are. */
export function scoreVectors({ objects, roads }: VectorTally): VectorScores {
  const { weighted, truthMetres, predictedMetres } = roads;
  return {
    buildings: scoreObjects(objects),
    roads:
      truthMetres > 0 ? { apls: weighted / truthMetres, truth_m: truthMetres, predicted_m: predictedMetres } : null,
  };
}

function addBuildings(tally: VectorTally, truth: CodedMap, drawn: CodedMap, code: number, options: DrawOptions): void {
  const known = knownPart(drawn, truth, options.classCount, NOT_BUILDING);
  const regions = buildingRegions(known, code, options.minAreaM2);
  const shapes = regularizeBuildings(regions, {
    pixelMetresX: drawn.pixelMetres,
    pixelMetresY: drawn.pixelMetres,
    toleranceMetres: Math.max(options.toleranceMetres, WALL_PIXELS * drawn.pixelMetres),
    minIou: MIN_BUILDING_IOU,
  });
  const toTruth = pixelMapping(drawn, truth);
  const counts = countObjects(
    buildingRegions(truth, code, 0).map(({ rings }) => rings),
    shapes.map(({ rings }) => rings.map((ring) => mapped(ring, toTruth))),
  );
  for (const name of Object.keys(counts) as (keyof ObjectCounts)[]) tally.objects[name] += counts[name];
}

function buildingRegions({ width, height, codes, pixelMetres }: CodedMap, code: number, minAreaM2: number) {
  const tracer = createTracer(width);
  tracer.addRows(height, codes, new Uint8Array(codes.length));
  const pixelAreaM2 = pixelMetres ** 2;
  const options = { width, height, pixelAreaM2, minAreaM2, minWidthPixels: minAreaM2 > 0 ? 1 : 0 };
  return exactRegions(sieveGraph(tracer.finish(), { ...options, tolerancePixels: 0, nodata: NODATA }), code);
}

function addRoads(tally: VectorTally, truth: CodedMap, drawn: CodedMap, code: number, options: DrawOptions): void {
  const real = networkOf(truth, code, options);
  const length = lengthMetres(real.edges);
  if (length === 0) return;
  const found = networkOf(knownPart(drawn, truth, options.classCount, NOT_ROAD), code, options);
  const toTruth = pixelMapping(drawn, truth);
  const graph: Graph = {
    nodes: found.nodes.map(({ x, y }) => {
      const [column, row] = toTruth(x, y);
      return { x: column, y: row };
    }),
    edges: found.edges.map((edge) => ({ ...edge, points: mapped(edge.points, toTruth) })),
  };
  tally.roads.weighted += length * apls(real, graph, { unitMetres: truth.pixelMetres, maxSources: MAX_SOURCES });
  tally.roads.truthMetres += length;
  tally.roads.predictedMetres += lengthMetres(found.edges);
}

function networkOf({ width, height, codes, pixelMetres }: CodedMap, road: number, { codes: of }: DrawOptions) {
  const blocked = [of.building, of.water].filter((code) => code !== null);
  const surface = createRoadSurface(width, height, { road, blocked });
  surface.addRows(height, codes, new Uint8Array(codes.length));
  return roadNetwork(surface.finish(), { pixelMetres });
}

const lengthMetres = (edges: readonly { lengthMetres: number }[]): number =>
  edges.reduce((sum, edge) => sum + edge.lengthMetres, 0);

/** Without what lies where the truth does not say whether it is right: it is neither a class nor that code. */
function knownPart(drawn: CodedMap, truth: CodedMap, classCount: number, negative: number): CodedMap {
  const toTruth = pixelMapping(drawn, truth);
  const codes = drawn.codes.slice();
  for (let y = 0; y < drawn.height; y++) {
    for (let x = 0; x < drawn.width; x++) {
      const [column, row] = toTruth(x + 0.5, y + 0.5).map(Math.floor);
      const inside = column >= 0 && row >= 0 && column < truth.width && row < truth.height;
      const told = inside ? truth.codes[row * truth.width + column] : NODATA;
      if (told >= classCount && told !== negative) codes[y * drawn.width + x] = NODATA;
    }
  }
  return { ...drawn, codes };
}

/** Pixel positions of the one map as those of the other, in one CRS. */
function pixelMapping(from: CodedMap, to: CodedMap): (x: number, y: number) => [number, number] {
  const inverse = invert(to.geotransform);
  return (x, y) => apply(inverse, ...apply(from.geotransform, x, y));
}

function mapped(points: Float64Array, mapping: (x: number, y: number) => [number, number]): Float64Array {
  const result = new Float64Array(points.length);
  for (let i = 0; i < points.length; i += 2) result.set(mapping(points[i], points[i + 1]), i);
  return result;
}
