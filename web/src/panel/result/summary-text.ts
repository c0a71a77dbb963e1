/** What a map says of its place, as sentences and names with values. */
import { area, figure, lengthParts, percent } from '../../format.ts';
import type { Box } from '../../map/map-view.ts';
import { t } from '../../messages/index.ts';
import type { SummaryJson } from '../../service/types.ts';
import type { Fact } from './report-facts.ts';

const texts = t.summary;
const length = (metres: number): string => lengthParts(metres).join('\u00a0');

/** In the order in which they are read; of what there is none, that alone is said. */
export function sentences({ built_up: built, blocks, roads, surroundings, not_told }: SummaryJson): string[] {
  const said: string[] = [];
  if (built.buildings > 0 && built.built_up_share !== null) {
    said.push(texts.builtUp(percent(built.built_up_share), built.buildings, figure(built.buildings_per_km2 ?? 0)));
    if (built.densest && built.cells_mapped > 1)
      said.push(texts.densest(percent(built.densest.built_up_share), built.cells_mapped));
    said.push(texts.floors);
  } else if (!not_told.includes('building')) said.push(texts.noBuildings);
  if (roads.length_m > 0) {
    const { junctions, junctions_per_km2, dead_ends, cut_off, main } = roads;
    said.push(texts.roads(length(roads.length_m), junctions, figure(junctions_per_km2 ?? 0), dead_ends));
    if (cut_off > 0) said.push(texts.cutOff(cut_off));
    if (main.length > 0) said.push(texts.main(percent(main[0]!.betweenness)));
    const { median_area_m2, building_coverage } = blocks;
    said.push(
      median_area_m2 === null
        ? texts.noBlocks
        : texts.blocks(blocks.count, area(median_area_m2), percent(building_coverage ?? 0)),
    );
  } else if (!not_told.includes('road')) said.push(texts.noRoads);
  const { radius_m, green, without_green, near_water } = surroundings;
  if (green.median !== null && without_green !== null)
    said.push(texts.green(radius_m, percent(green.median), without_green));
  if (near_water !== null && surroundings.buildings > 0) said.push(texts.water(radius_m, near_water));
  if (not_told.length > 0) said.push(texts.notTold(not_told));
  return said;
}

export const widthFacts = ({ roads }: SummaryJson): Fact[] =>
  roads.by_width.map(({ from_m, below_m, length_m, share }) => [
    texts.width(from_m, below_m),
    texts.lengthShare(length(length_m), percent(share)),
  ]);

/** Of a landmark, why it is one. */
export const reasonText = ({ reasons }: SummaryJson['landmarks'][number]): string =>
  reasons
    .map(({ reason, value, typical }) => {
      if (reason === 'area') return texts.reasons.area(area(value), figure(value / Math.max(1, typical)));
      if (reason === 'isolation') return texts.reasons.isolation(length(value), length(typical));
      return texts.reasons.compactness();
    })
    .join('; ');

const METRES_PER_DEGREE = 111_195;
/** So that what lies around a small building is seen, too. */
const LEAST_METRES = 60;

/** A building and as much again on all sides of it. */
export function boxAround({ lon, lat, area_m2 }: SummaryJson['landmarks'][number]): Box {
  const north = Math.max(LEAST_METRES, 1.5 * Math.sqrt(area_m2)) / METRES_PER_DEGREE;
  const east = north / Math.max(0.01, Math.cos((lat * Math.PI) / 180));
  return [lon - east, lat - north, lon + east, lat + north];
}
