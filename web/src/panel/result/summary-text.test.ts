import { expect, test } from 'vitest';
import type { SummaryJson } from '../../service/types.ts';
import { boxAround, reasonText, sentences, widthFacts } from './summary-text.ts';

const spread = (median: number | null) => ({ mean: median, lower_quartile: median, median, upper_quartile: median });

const TOWN: SummaryJson = {
  job: 'j',
  mapped_m2: 2e6,
  not_told: [],
  built_up: {
    ...{ resolution: 10, cells: 5, cells_mapped: 3, built_up_m2: 3e5, built_up_share: 0.15, buildings: 1 },
    ...{ buildings_per_km2: 0.5, shares_of_cells: spread(0.1) },
    densest: { cell: '8a1e', built_up_share: 0.62, buildings_per_km2: 9 },
  },
  blocks: {
    ...{ count: 12, left_out: 0, area_m2: 9e4, building_m2: 2e4, building_coverage: 0.22, median_area_m2: 6700 },
    ...{ coverage_of_blocks: spread(0.2), floors: null },
  },
  landmarks: [],
  roads: {
    length_m: 32_300,
    by_width: [
      { from_m: 6, below_m: 10, length_m: 32_000, share: 0.99 },
      { from_m: 16, below_m: null, length_m: 200, share: 0.006 },
      { from_m: null, below_m: null, length_m: 100, share: 0.004 },
    ],
    ...{ junctions: 250, junctions_per_km2: 125, dead_ends: 1, cut_off: 2, nodes: 300, betweenness_from: 300 },
    main: [{ id: 'r', length_m: 90, width_m: 7, betweenness: 0.31 }],
  },
  surroundings: {
    ...{ radius_m: 300, sample_m: 5, buildings: 1, green: spread(0.5), water: spread(0) },
    ...{ without_green: 0, near_water: 1 },
  },
};

test('of a town', () => {
  expect(sentences(TOWN)).toEqual([
    '1 building stands here, 0.5 a km². Built-up ground is 15 % of what was mapped.',
    'In the densest of 3 cells of the H3 grid it is 62 %.',
    'How many floors buildings have is not known: an image from above does not show it.',
    '32.3\u00a0km of road with 250 junctions, 125 a km², and 1 dead end.',
    '2 more ends lie where the image ends.',
    'The stretch that most ways lead over carries 31 % of all shortest ways.',
    'Roads close 12 blocks, half of them of at least 6,700\u00a0m². Buildings cover 22 % of the ground in them.',
    'Within 300 m of half of the buildings, at least 50 % of the ground is green; 0 buildings have hardly any.',
    '1 building has water within 300 m.',
  ]);
  expect(widthFacts(TOWN).map(([name]) => name)).toEqual(['6 to 10 m', '16 m and more', 'not known']);
});

test('where nothing was found', () => {
  const empty = {
    ...TOWN,
    built_up: { ...TOWN.built_up, buildings: 0, built_up_share: 0 },
    roads: { ...TOWN.roads, length_m: 0 },
    surroundings: { ...TOWN.surroundings, buildings: 0, green: spread(null) },
  };
  expect(sentences(empty)).toEqual(['No buildings were found.', 'No roads were found.']);
});

test('of what the network does not tell, that alone is said', () => {
  const built: SummaryJson = {
    ...TOWN,
    not_told: ['road', 'vegetation', 'water'],
    roads: { ...TOWN.roads, length_m: 0 },
    surroundings: { ...TOWN.surroundings, green: spread(null), without_green: null, near_water: null },
  };
  const said = sentences(built);
  expect(said).toHaveLength(4);
  expect(said.at(-1)).toBe('This network does not tell road, vegetation, or water: nothing is known of them here.');
});

test('why a building stands out, and where it is', () => {
  const landmark: SummaryJson['landmarks'][number] = {
    ...{ id: 'b', lon: 10, lat: 60, area_m2: 6400 },
    reasons: [
      { reason: 'area', value: 6400, typical: 120, score: 9 },
      { reason: 'isolation', value: 72, typical: 9, score: 5 },
      { reason: 'compactness', value: 0.1, typical: 0.7, score: 4 },
    ],
  };
  expect(reasonText(landmark)).toBe(
    '6,400\u00a0m², 53.3 times the usual; 72\u00a0m from the next one; 9\u00a0m is usual; long, or with wings and yards',
  );
  const [west, south, east, north] = boxAround(landmark);
  expect((east - west) / (north - south)).toBeCloseTo(2, 9);
  expect((north - south) * 111_195).toBeCloseTo(240, 6);
});
