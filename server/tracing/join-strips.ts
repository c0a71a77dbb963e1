/**
 * What the strips of a map leave open → the last of its features, and what became of all of them: of the finest level, and
 * of the coarser ones, which several processes do beside each other.
 */
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
import { type DrawOptions, landOptions, levelOptions, pixelAreaOf, roadOptions } from './draw-options.ts';
import { blockLine, landLine, roadLine } from './feature-lines.ts';
import { type FeatureLine, writeFeaturesFile } from './features-file.ts';
import { readCoarser, readFinest } from './open-file.ts';

export interface JoinStripsRequest extends DrawOptions {
  /** Of all strips, from the top. */
  openPaths: string[];
  featuresPath: string;
}

/** Of a region in pieces of land use: the place under which they were written, and that which it turned out to have. */
export interface MovedRegion {
  level: number;
  stored: string;
  final: string;
}

export interface JoinedFinest {
  geometry: Omit<GeometryReport, 'levels' | 'blocks'>;
  regions: MovedRegion[];
}

export interface JoinedCoarser {
  blocks: BlockCounts[];
  regions: MovedRegion[];
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

/** Writes the features file of the last features of the finest level. */
export async function joinFinest({ openPaths, featuresPath, ...options }: JoinStripsRequest): Promise<JoinedFinest> {
  const { codes } = options;
  const land = createLandJoiner(landOptions(options));
  const roads = createRoadJoiner(roadOptions(options));
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
  const moved: MovedRegion[] = [];

  async function* lines(): AsyncGenerator<FeatureLine> {
    for await (const open of readFinest(openPaths)) {
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
      for (const region of land.append(open.land)) yield ofLand(region);
      if (open.roads) for (const edge of roads.append(open.strip, open.roads)) yield ofRoad(edge);
    }
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
      ...{ features, buildings },
      landuse: {
        regions: finished + joined.report.regions,
        vertices: vertices + joined.report.vertices,
        ...{ arcsKeptFiner, ...discarded, in_pieces: places.size, pieces },
      },
      roads: { ...network, dead_ends: degrees[1] ?? 0, degrees, ...report },
    },
  };
}

export interface JoinCoarserRequest extends JoinStripsRequest {
  /** Some of the coarser levels; each is joined by itself. */
  levels: number[];
}

/** Writes the features file of the last features of coarser levels. */
export async function joinCoarser(request: JoinCoarserRequest): Promise<JoinedCoarser> {
  const { openPaths, featuresPath, levels, ...options } = request;
  const { codes } = options;
  const coarser = createLevelJoiner(levels, levelOptions(options));
  const middles: SmallBuilding[] = [];
  const blocks: BlockCounts[] = [];
  const moved: MovedRegion[] = [];

  async function* lines(): AsyncGenerator<FeatureLine> {
    for await (const open of readCoarser(openPaths)) {
      for (const middle of open.middles) middles.push(middle);
      const lands = open.levels.lands.filter(({ level }) => levels.includes(level));
      const cells = open.levels.cells.filter(({ level }) => levels.includes(level));
      for (const { level, regions } of coarser.append({ lands, cells })) yield* ofLevel(level, regions);
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

  await writeFeaturesFile(featuresPath, lines());
  return { regions: moved, blocks };
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
