/**
 * Class map and score map on disk → features in the scene's CRS, one line of JSON each: land use as a coverage,
 * buildings with straight walls, roads as a network of centre lines.
 */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { openRaster, type Raster } from '../../tiler/geotiff/raster.ts';
import { type Block, buildingBlocks, loneBuildingPixels } from '../../vectorizer/buildings/blocks.ts';
import { gridOrientation } from '../../vectorizer/buildings/orientation.ts';
import { pixelBoxOf } from '../../vectorizer/buildings/region-mask.ts';
import { regularizeBuildings } from '../../vectorizer/buildings/regularize.ts';
import { coarseRegions } from '../../vectorizer/coarse-levels.ts';
import { borderShare } from '../../vectorizer/polygons/cut-region.ts';
import { PUBLISHED_PIECES } from '../../vectorizer/polygons/grid-cuts.ts';
import type { Region } from '../../vectorizer/region.ts';
import { type RoadEdge, type RoadNetwork, roadNetwork } from '../../vectorizer/roads/network.ts';
import { strokeLengths } from '../../vectorizer/roads/strokes.ts';
import { drawSieved, exactRegions, sieveGraph, type VectorizeReport } from '../../vectorizer/vectorize.ts';
import { lineToWkb, regionToWkb } from '../../vectorizer/wkb.ts';
import type { BlockCounts } from '../api/index.ts';
import { type Plane, type SplitReport, splitBuildings } from './split-row-houses.ts';
import { coarseLevels, mergeTraced, type ObjectCodes, type TracedMap, traceMap } from './trace-raster.ts';

export interface VectorizeMapRequest {
  classesPath: string;
  /** Without one, nothing has a score. */
  scoresPath: string | null;
  /** Probabilities on the map's grid, one band a plane; with a plane of touching borders row houses are told apart. */
  planesPath?: string;
  planes?: readonly Plane[];
  featuresPath: string;
  /** Ground size of a pixel of the class map. */
  pixelMetres: { x: number; y: number };
  minAreaM2: number;
  toleranceMetres: number;
  /** Without the levels of detail that maps of smaller scales are drawn from. */
  finestOnly?: boolean;
  codes: ObjectCodes;
  /** Where the map's shards have been traced already: their files, from the top. */
  tracedPaths?: string[];
}

/** One line of the features file. */
export interface FeatureLine {
  collection: string;
  /** Of detail; 0 is the finest. */
  level: number;
  /** Class code. */
  class: number;
  /** Mean probability, 0..1; null where it is not known. */
  score: number | null;
  /** What tells the feature from the others of its collection: its place. */
  place: string;
  /** Polygon or LineString in the scene's CRS, base64 of little-endian WKB. */
  wkb: string;
  properties: Record<string, unknown>;
  /** Where it is a piece of a region: the region's place, and the share of the piece's perimeter that is no cut. */
  pieceOf?: { place: string; borderShare: number };
}

/** What became of the borders; goes into the job's report. */
export interface GeometryReport {
  /** Of the finest level: those of coarser ones stand for them on maps of smaller scales. */
  features: number;
  /** Levels of detail that there are. */
  levels: number[];
  /** `pieces` is how many polygons stand for those `in_pieces` of the regions, which have very many vertices. */
  landuse: VectorizeReport & { in_pieces: number; pieces: number };
  /** By coarser level. */
  blocks: BlockCounts[];
  buildings: { count: number; regularized: number } & Partial<SplitReport>;
  /** `degrees` is the number of nodes by how many edges end there. */
  roads: RoadNetwork['report'] & {
    nodes: number;
    edges: number;
    components: number;
    dead_ends: number;
    degrees: Record<number, number>;
  };
}

const NODATA = 255;
/** A regular shape stands for a building only where it agrees with the pixels as well as this. */
export const MIN_BUILDING_IOU = 0.85;
/** Stair-steps of walls move by up to this many pixels before a straight wall describes them. */
export const WALL_PIXELS = 1.25;

/** Writes the features file. `onProgress` gets the rows that have been traced. */
export async function vectorizeMap(
  request: VectorizeMapRequest,
  onProgress: (rows: number) => void,
): Promise<GeometryReport> {
  const classes = await openRaster(request.classesPath);
  const scores = request.scoresPath === null ? null : await openRaster(request.scoresPath);
  try {
    const traced = request.tracedPaths
      ? await mergeTraced(request.tracedPaths)
      : await traceMap(classes, scores, { ...request, mapSize: classes }, onProgress);
    return await writeFeatures(request, classes, scores, traced);
  } finally {
    await Promise.all([classes.close(), scores?.close()]);
  }
}

async function writeFeatures(
  request: VectorizeMapRequest,
  classes: Raster,
  scores: Raster | null,
  traced: TracedMap,
): Promise<GeometryReport> {
  const { codes, pixelMetres, minAreaM2, toleranceMetres } = request;
  const { width, height, geotransform } = classes;
  const pixelAreaM2 = pixelMetres.x * pixelMetres.y;
  const meanPixelMetres = Math.sqrt(pixelAreaM2);
  // Lines one pixel wide are borders that the network could not decide on, not land; all of them stay where all is kept.
  const minWidthPixels = minAreaM2 > 0 ? 1 : 0;
  const common = { width, height, pixelAreaM2, minAreaM2, minWidthPixels, nodata: classes.nodata ?? NODATA };
  const drawn = { ...common, tolerancePixels: toleranceMetres / meanPixelMetres, pieces: PUBLISHED_PIECES };

  const levels = coarseLevels(classes, request.finestOnly);
  const land = sieveGraph(traced.land, drawn);
  const whole = codes.building === null ? [] : exactRegions(land, codes.building);
  const split = await splitRows(whole, request, classes, scores);
  const raw = split.buildings;
  const buildings = regularizeBuildings(raw, {
    pixelMetresX: pixelMetres.x,
    pixelMetresY: pixelMetres.y,
    toleranceMetres: Math.max(toleranceMetres, WALL_PIXELS * meanPixelMetres),
    minIou: MIN_BUILDING_IOU,
  });
  const network = roadNetwork(traced.surface, { pixelMetres: meanPixelMetres, pixelSidesMetres: pixelMetres });

  const streets = strokeLengths(network.edges, meanPixelMetres);
  const blocks = codes.building === null ? [] : await blocksOf(raw, levels, { width, height, pixelAreaM2 });

  let features = 0;
  const inPieces = new Set<string>();
  let pieces = 0;
  let landuse: VectorizeReport;
  /** Land use is made when it is written, one level after the other: only one of them takes memory at a time. */
  async function* lines(): AsyncGenerator<string> {
    const line = (feature: FeatureLine) => {
      if (feature.level === 0) features++;
      return `${JSON.stringify(feature)}\n`;
    };
    const finest = () => {
      const { regions, report } = drawSieved(land, drawn);
      landuse = report;
      return regions;
    };
    for (const level of [0, ...levels]) {
      const regions = level === 0 ? finest() : coarseRegions(level, traced.coarser.shift()!, common);
      for (const region of regions) {
        const wkb = base64(regionToWkb(region, geotransform));
        yield line({ ...ofRegion('landuse', region), ...ofPiece(region, pixelMetres), level, wkb, properties: {} });
        if (level > 0 || !region.piece) continue;
        inPieces.add(`${region.x}/${region.y}`);
        pieces++;
      }
    }
    for (const { counts, found } of blocks) {
      for (const block of found) {
        const wkb = base64(regionToWkb(block, geotransform));
        const feature = { ...ofRegion('buildings', block), class: codes.building!, level: counts.level, wkb };
        yield line({ ...feature, properties: { buildings: block.buildings } });
      }
    }
    for (const [i, { rings, regularized, orientationDegrees }] of buildings.entries()) {
      const orientation =
        orientationDegrees === null ? null : gridOrientation(orientationDegrees, geotransform, pixelMetres);
      const properties = { regularized, ...(orientation !== null && { orientation_deg: orientation }) };
      yield line({ ...ofRegion('buildings', raw[i]), wkb: base64(regionToWkb({ rings }, geotransform)), properties });
    }
    for (const [i, edge] of network.edges.entries()) {
      const wkb = base64(lineToWkb(edge.points, geotransform));
      const properties = { ...roadProperties(edge), street_m: round(streets[i], 1) };
      yield line({ ...ofEdge(edge, codes.road!), wkb, properties });
    }
  }
  await pipeline(Readable.from(lines()), createWriteStream(request.featuresPath));
  const { nodes, edges, components } = network;
  const degrees: Record<number, number> = {};
  for (const { degree } of nodes) degrees[degree] = (degrees[degree] ?? 0) + 1;
  return {
    features,
    levels: [0, ...levels],
    landuse: { ...landuse!, in_pieces: inPieces.size, pieces },
    blocks: blocks.map(({ counts }) => counts),
    buildings: {
      count: buildings.length,
      regularized: buildings.filter((each) => each.regularized).length,
      ...split.report,
    },
    roads: {
      nodes: nodes.length,
      edges: edges.length,
      components,
      dead_ends: degrees[1] ?? 0,
      degrees,
      ...network.report,
    },
  };
}

/** The buildings that cannot be seen by themselves at each coarser level, as blocks. */
async function blocksOf(
  buildings: readonly Region[],
  levels: readonly number[],
  { width, height, pixelAreaM2 }: { width: number; height: number; pixelAreaM2: number },
): Promise<{ counts: BlockCounts; found: Block[] }[]> {
  const made: { counts: BlockCounts; found: Block[] }[] = [];
  for (const level of levels) {
    const leastPixels = loneBuildingPixels(level);
    const small = buildings.filter(({ pixels }) => pixels < leastPixels);
    const middles = small.map(({ pixels, score, rings }) => {
      const box = pixelBoxOf(rings);
      return { pixels, score, x: box.x + box.width / 2, y: box.y + box.height / 2 };
    });
    const { blocks: found, leftOut } = await buildingBlocks(middles, { width, height, level });
    const counts = { level, lone_m2: leastPixels * pixelAreaM2, lone: buildings.length - small.length };
    made.push({
      counts: { ...counts, blocks: found.length, merged: small.length - leftOut, left_out: leftOut },
      found,
    });
  }
  return made;
}

/** Row houses told apart where there are planes; else the regions as they are. */
async function splitRows(
  regions: Region[],
  { planesPath, planes, codes, pixelMetres, minAreaM2 }: VectorizeMapRequest,
  classes: Raster,
  scores: Raster | null,
): Promise<{ buildings: Region[]; report?: SplitReport }> {
  if (!planesPath || !planes || codes.building === null) return { buildings: regions };
  const raster = await openRaster(planesPath);
  try {
    const minPixels = minAreaM2 / (pixelMetres.x * pixelMetres.y);
    return await splitBuildings(
      regions,
      { planes: raster, classes, scores },
      { planes, code: codes.building, minPixels },
    );
  } finally {
    await raster.close();
  }
}

const ofRegion = (collection: string, { class: code, score, x, y }: Region) => ({
  collection,
  level: 0,
  class: code,
  score: known(score),
  place: `${x}/${y}`,
});

const ofPiece = (region: Region, pixelMetres: { x: number; y: number }) => {
  const { x, y, piece } = region;
  if (!piece) return {};
  const pieceOf = { place: `${x}/${y}`, borderShare: borderShare(region, pixelMetres) };
  return { place: `${x}/${y}/${piece.column}/${piece.row}/${piece.index}`, pieceOf };
};

const ofEdge = ({ score, points }: RoadEdge, code: number) => ({
  collection: 'roads',
  level: 0,
  class: code,
  score: known(score),
  place: points.join('/'),
});

/** Scores of pixels are above 0 where they are known at all. */
const known = (score: number): number | null => (score > 0 ? score : null);

const roadProperties = ({ from, to, widthMetres, bridgedMetres }: RoadEdge) => ({
  from_node: from,
  to_node: to,
  width_m: round(widthMetres, 2),
  bridged_m: round(bridgedMetres, 2),
});

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

function round(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}
