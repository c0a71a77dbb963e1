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
import type { PixelBox } from '../../vectorizer/buildings/region-mask.ts';
import { apls, type Graph } from '../../vectorizer/roads/apls.ts';
import { roadNetwork } from '../../vectorizer/roads/network.ts';
import { createRoadSurface } from '../../vectorizer/roads/surface.ts';
import { createTracer } from '../../vectorizer/trace/trace.ts';
import { exactRegions, sieveGraph } from '../../vectorizer/vectorize.ts';
import type { DrawOptions } from './draw-options.ts';
import { drawBuildings, sieveStrip } from './draw-strip.ts';

export interface CodedMap {
  width: number;
  height: number;
  /** width * height class codes; what is none of the classes is not known, or not mapped. */
  codes: Uint8Array;
  geotransform: Geotransform;
  /** Ground size of a pixel. */
  pixelMetres: number;
  /** Of a predicted map: width * height probabilities of the codes, 0 to 255. */
  scores?: Uint8Array;
  /** Of a predicted map: its network's planes, interleaved. */
  planes?: Uint8Array;
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

export interface ScoreOptions extends Pick<DrawOptions, 'codes' | 'minAreaM2' | 'toleranceMetres' | 'planes'> {
  /** Codes from here on are no class. */
  classCount: number;
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
export async function addVectors(
  tally: VectorTally,
  truth: CodedMap,
  predicted: CodedMap,
  options: ScoreOptions,
): Promise<void> {
  const { building, road } = options.codes;
  if (building !== null && truth.codes.includes(building))
    await addBuildings(tally, truth, predicted, building, options);
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

/** Predicted buildings are drawn as jobs draw them. */
async function addBuildings(
  tally: VectorTally,
  truth: CodedMap,
  drawn: CodedMap,
  code: number,
  options: ScoreOptions,
): Promise<void> {
  const { width, height, codes, pixelMetres } = knownPart(drawn, truth, options.classCount, NOT_BUILDING);
  const { scores = new Uint8Array(codes.length), planes } = drawn;
  const strip = { index: 0, y: 0, rows: height };
  const request: DrawOptions = {
    ...options,
    size: { width, height },
    geotransform: drawn.geotransform,
    pixelMetres: { x: pixelMetres, y: pixelMetres },
    nodata: NODATA,
  };
  const { window } = sieveStrip(request, { strip, width, height, top: 0, rows: height, classes: codes, scores });
  const read = (pixels: Uint8Array) => async (box: PixelBox) =>
    partOf(pixels, width, box, pixels.length / codes.length);
  const readers = planes ? { planes: read(planes), scores: read(scores) } : null;
  const { buildings } = await drawBuildings(request, code, window, readers);
  const toTruth = pixelMapping(drawn, truth);
  const counts = countObjects(
    trueBuildings(truth, code),
    buildings.map(({ rings }) => rings.map((ring) => mapped(ring, toTruth))),
  );
  for (const name of Object.keys(counts) as (keyof ObjectCounts)[]) tally.objects[name] += counts[name];
}

/** The pixels of a box in a map with so many bytes a pixel. */
function partOf(pixels: Uint8Array, stride: number, { x, y, width, height }: PixelBox, bytes: number): Uint8Array {
  const part = new Uint8Array(width * height * bytes);
  for (let row = 0; row < height; row++) {
    const start = ((y + row) * stride + x) * bytes;
    part.set(pixels.subarray(start, start + width * bytes), row * width * bytes);
  }
  return part;
}

/** Rings of the regions of buildings, exactly as they are. */
function trueBuildings({ width, height, codes }: CodedMap, code: number): Float64Array[][] {
  const tracer = createTracer(width);
  tracer.addRows(height, codes, new Uint8Array(codes.length));
  const options = {
    width,
    height,
    pixelAreaM2: 1,
    minAreaM2: 0,
    minWidthPixels: 0,
    tolerancePixels: 0,
    nodata: NODATA,
  };
  return exactRegions(sieveGraph(tracer.finish(), options), code).map(({ rings }) => rings);
}

function addRoads(tally: VectorTally, truth: CodedMap, drawn: CodedMap, code: number, options: ScoreOptions): void {
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

function networkOf({ width, height, codes, pixelMetres }: CodedMap, road: number, { codes: of }: ScoreOptions) {
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
