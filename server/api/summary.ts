/** What a finished job's map says of the place: figures, each defined in the user's guide. */
import { z } from 'zod';
import { count, id, number, share, text } from './schema.ts';

const spread = z.object({
  mean: share.nullable(),
  lower_quartile: share.nullable(),
  median: share.nullable(),
  upper_quartile: share.nullable(),
});

const Reason = z.object({
  reason: z.enum(['area', 'compactness', 'isolation']),
  value: number.describe('m², 4π·area/perimeter², or metres to the nearest other building'),
  typical: number.describe('Median of all buildings of the job'),
  score: number.describe('Modified z-score (Iglewicz and Hoaglin 1993); beyond 3.5 is unusual'),
});

export const Summary = z
  .object({
    job: id,
    mapped_m2: number.meta({ example: 1_000_000 }),
    not_told: z
      .array(z.enum(['building', 'road', 'vegetation', 'water']))
      .describe('Of which the network has no class: figures of these are null or 0 because nothing is known of them'),
    built_up: z
      .object({
        resolution: count.describe('Of the H3 grid'),
        cells: count.describe('In which anything is mapped'),
        cells_mapped: count.describe('Of which at least half is mapped: the others are held against none'),
        built_up_m2: number,
        built_up_share: share.nullable(),
        buildings: count,
        buildings_per_km2: number.nullable(),
        shares_of_cells: spread,
        densest: z.object({ cell: text, built_up_share: share, buildings_per_km2: number }).nullable(),
      })
      .describe('Buildings by cell of the H3 grid'),
    blocks: z
      .object({
        count,
        left_out: count.describe('Smaller ones beyond the 2,000 largest'),
        area_m2: number,
        building_m2: number,
        building_coverage: share.nullable(),
        median_area_m2: number.nullable(),
        coverage_of_blocks: spread,
        floors: count.nullable().describe('null, not known: an image from above does not show them'),
      })
      .describe('Faces of the road network'),
    landmarks: z.array(z.object({ id, lon: number, lat: number, area_m2: number, reasons: z.array(Reason) })),
    roads: z.object({
      length_m: number,
      by_width: z.array(
        z.object({
          from_m: number.nullable().describe('null: the width is not known'),
          below_m: number.nullable(),
          length_m: number,
          share,
        }),
      ),
      junctions: count.describe('Nodes where three or more roads end'),
      junctions_per_km2: number.nullable(),
      dead_ends: count,
      cut_off: count.describe('Ends where the image ends'),
      nodes: count,
      betweenness_from: count.describe('Nodes from which shortest ways were looked at'),
      main: z
        .array(z.object({ id, length_m: number, width_m: number.nullable(), betweenness: share }))
        .describe('The roads that most shortest ways lead over'),
    }),
    surroundings: z.object({
      radius_m: number,
      sample_m: number.describe('Metres between samples of the ground'),
      buildings: count,
      green: spread,
      water: spread,
      without_green: count.nullable().describe('Buildings with less than 5 % green around them'),
      near_water: count.nullable().describe('Buildings with any water around them'),
    }),
  })
  .meta({ id: 'Summary', description: 'What the map of a finished job says of the place' });
export type Summary = z.input<typeof Summary>;
export type SummaryJson = Summary;

export const SUMMARY_TABLES = ['cells', 'blocks', 'landmarks', 'roads', 'surroundings'] as const;
export type SummaryTable = (typeof SUMMARY_TABLES)[number];
