/** What the strips of a map leave open → the last of its features, and what became of all of them. */
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { deserialize } from 'node:v8';
import { zstdDecompress } from 'node:zlib';
import { buildingBlocks, loneBuildingPixels, type SmallBuilding } from '../../vectorizer/buildings/blocks.ts';
import type { BuildingStripReport } from '../../vectorizer/buildings/strip.ts';
import { createLandJoiner, type MovedPlace } from '../../vectorizer/land/join-strips.ts';
import { createLevelJoiner } from '../../vectorizer/land/level-strips.ts';
import type { Region } from '../../vectorizer/region.ts';
import { createRoadJoiner } from '../../vectorizer/roads/join.ts';
import type { RoadTotals, StreetEdge } from '../../vectorizer/roads/strip.ts';
import type { Discarded } from '../../vectorizer/trace/sieve.ts';
import { addDiscarded, noneDiscarded } from '../../vectorizer/trace/sieve-rows.ts';
import type { BlockCounts } from '../api/index.ts';
import { coarseLevels, type DrawOptions, landOptions, levelOptions, pixelAreaOf, roadOptions } from './draw-options.ts';
import type { OpenStrip } from './draw-strip.ts';
import { blockLine, landLine, roadLine } from './feature-lines.ts';
import { type FeatureLine, writeFeaturesFile } from './features-file.ts';

export interface JoinStripsRequest extends DrawOptions {
  /** Of all strips, from the top. */
  openPaths: string[];
  featuresPath: string;
}

export interface JoinedStrips {
  geometry: GeometryReport;
  /** Of regions in pieces of land use: the places under which they were written, and those that they turned out to have. */
  regions: { level: number; stored: string; final: string }[];
}

/** What became of the borders; goes into the job's report. */
export interface GeometryReport {
  /** Of the finest level: those of coarser ones stand for them on maps of smaller scales. */
  features: number;
  /** Levels of detail that there are. */
  levels: number[];
  /** `pieces` is how many polygons stand for those `in_pieces` of the regions, which have very many vertices. */
  landuse: Discarded & { regions: number; vertices: number; arcsKeptFiner: number; in_pieces: number; pieces: number };
  /** By coarser level. */
  blocks: BlockCounts[];
  buildings: BuildingStripReport;
  /** `degrees` is the number of nodes by how many edges end there. */
  roads: RoadTotals['report'] & Omit<RoadTotals, 'report'> & { dead_ends: number };
}

/** Writes the features file of the last features. */
export async function joinStrips({ openPaths, featuresPath, ...options }: JoinStripsRequest): Promise<JoinedStrips> {
  const { codes } = options;
  const levels = coarseLevels(options);
  const land = createLandJoiner(landOptions(options));
  const roads = createRoadJoiner(roadOptions(options));
  const coarser = createLevelJoiner(levels, levelOptions(options));
  const middles: SmallBuilding[] = [];
  const discarded = noneDiscarded();
  const buildings: BuildingStripReport = {
    count: 0,
    regularized: 0,
    cut: 0,
    split_regions: 0,
    houses: 0,
    too_large: 0,
  };
  let [features, pieces, vertices, arcsKeptFiner, finished] = [0, 0, 0, 0, 0];
  const places = new Set<string>();
  const blocks: BlockCounts[] = [];
  const moved: JoinedStrips['regions'] = [];

  async function* lines(): AsyncGenerator<FeatureLine> {
    for await (const bytes of readAhead(openPaths)) {
      const open: OpenStrip = deserialize(bytes);
      features += open.features;
      pieces += open.pieces.count;
      for (const place of open.pieces.places) places.add(place);
      vertices += open.landReport.vertices;
      arcsKeptFiner += open.landReport.arcsKeptFiner;
      finished += open.landReport.regions;
      addDiscarded(discarded, open.discarded);
      for (const name of Object.keys(buildings) as (keyof BuildingStripReport)[]) {
        buildings[name] += open.buildings?.[name] ?? 0;
      }
      for (const middle of open.middles) middles.push(middle);
      for (const region of land.append(open.land)) yield ofLand(region);
      for (const { level, regions } of coarser.append(open.levels)) yield* ofLevel(level, regions);
      if (open.roads) for (const edge of roads.append(open.strip, open.roads)) yield ofRoad(edge);
    }
    const { drawn, places: movedInLevels } = coarser.finish();
    for (const { level, regions } of drawn) yield* ofLevel(level, regions);
    for (const { level, ...place } of movedInLevels) moved.push(movedAt(level, place));
    if (codes.building === null) return;
    for (const level of levels) {
      const { counts, found } = await blocksOf(middles, level, options);
      blocks.push(counts);
      for (const block of found) yield blockLine(block, level, codes.building, options);
    }
  }
  function* ofLevel(level: number, regions: Iterable<Region>): Generator<FeatureLine> {
    for (const region of regions) yield landLine(region, level, options);
  }
  const ofLand = (region: Region): FeatureLine => {
    features++;
    const line = landLine(region, 0, options);
    if (line.pieceOf) {
      pieces++;
      places.add(line.pieceOf.place);
    }
    return line;
  };
  const ofRoad = (edge: StreetEdge): FeatureLine => {
    features++;
    return roadLine(edge, codes.road!, options);
  };

  await writeFeaturesFile(featuresPath, lines());
  const joined = land.finish();
  for (const place of joined.places) {
    const region = movedAt(0, place);
    moved.push(region);
    places.delete(region.stored);
    places.add(region.final);
  }
  const { report, degrees, ...network } = roads.finish();
  return {
    regions: moved,
    geometry: {
      ...{ features, levels: [0, ...levels], blocks, buildings },
      landuse: {
        regions: finished + joined.report.regions,
        vertices: vertices + joined.report.vertices,
        ...{ arcsKeptFiner, ...discarded, in_pieces: places.size, pieces },
      },
      roads: { ...network, dead_ends: degrees[1] ?? 0, degrees, ...report },
    },
  };
}

/** The files' contents; the next one is read while one is worked on. */
async function* readAhead(paths: readonly string[]): AsyncGenerator<Buffer> {
  const read = async (path: string) => promisify(zstdDecompress)(await readFile(path));
  let next = read(paths[0]);
  for (const path of [...paths.slice(1), null]) {
    const bytes = await next;
    if (path !== null) {
      next = read(path);
      next.catch(() => {}); // seen when it is awaited
    }
    yield bytes;
  }
}

const movedAt = (level: number, { from, to }: MovedPlace) => ({
  level,
  stored: `${from.x}/${from.y}`,
  final: `${to.x}/${to.y}`,
});

/** The buildings that cannot be seen by themselves at a coarser level, as blocks. */
async function blocksOf(buildings: readonly SmallBuilding[], level: number, options: DrawOptions) {
  const leastPixels = loneBuildingPixels(level);
  const small = buildings.filter(({ pixels }) => pixels < leastPixels);
  const { blocks: found, leftOut } = await buildingBlocks(small, { ...options.size, level });
  const counts = {
    ...{ level, lone_m2: leastPixels * pixelAreaOf(options), lone: buildings.length - small.length },
    ...{ blocks: found.length, merged: small.length - leftOut, left_out: leftOut },
  };
  return { counts, found };
}
