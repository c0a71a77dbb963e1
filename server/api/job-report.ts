/** What a finished job says of itself. */
import { z } from 'zod';
import { Assumption, blockCounts } from './common.ts';
import { Finding } from './findings.ts';
import { JobParameters } from './job-parameters.ts';
import { ModelClass } from './models.ts';
import { count, flag, id, number, text } from './schema.ts';

const stages = { ingest: number, plan: number, infer: number, stitch: number, vectorize: number, store: number };
export const Stage = z.enum(Object.keys(stages) as (keyof typeof stages)[]).meta({ example: 'store' });
export type Stage = z.infer<typeof Stage>;

export const Ledger = z
  .object({ done: count, nodata: count, outside: count, failed: count.meta({ example: 0 }), pending: count })
  .meta({ id: 'Ledger', description: 'Model-grid pixels, by what became of them' });
export type Ledger = z.input<typeof Ledger>;

/** A part of the map that could not be computed, in model-grid pixels. */
export const FailedChip = z
  .object({ x: number, y: number, width: count, height: count, reason: text })
  .meta({ id: 'FailedChip', description: 'A part of the map that could not be computed, in model-grid pixels' });
export type FailedChip = z.input<typeof FailedChip>;

const byName = z.record(text, number);

export const Geometry = z
  .object({
    levels: z.array(count).meta({ description: 'Levels of detail of land use, 0 the finest', example: [0, 1, 2] }),
    features: count.describe('Of all collections, at the finest level'),
    landuse: z.object({
      regions: count,
      vertices: count,
      sieved: count.describe('Regions that were too small'),
      sievedPixels: count,
      sievedByClass: z.record(text, z.object({ regions: count, pixels: count })).describe('The same by class code'),
      slivers: count,
      arcsKeptFiner: count.describe('Arcs that the full tolerance would have made cross, touch or collapse'),
      in_pieces: count.describe('Regions that are stored in pieces'),
      pieces: count,
    }),
    blocks: z.array(z.object(blockCounts)).describe('By coarser level'),
    buildings: z.object({
      count,
      regularized: count,
      cut: count.describe('Parts of buildings too long to be drawn in one piece').exactOptional(),
      split_regions: count.describe('Regions that came apart into houses').exactOptional(),
      houses: count.exactOptional(),
      too_large: count.describe('Regions too large for that').exactOptional(),
    }),
    roads: z.object({
      lengthMetres: number,
      bridges: count,
      snappedEnds: count,
      mergedJunctions: count,
      prunedSpurs: count,
      discardedPieces: count,
      specks: count,
      filledHoles: count,
      nodes: count,
      edges: count,
      components: count,
      dead_ends: count,
      degrees: z.record(text, count).describe('Number of nodes by how many edges end there'),
    }),
  })
  .partial()
  .required({ levels: true })
  .meta({ id: 'JobGeometry', description: 'What became of the borders' });

export const JobReport = z
  .object({
    job: id,
    version: text.meta({ description: 'Of the program that computed it', example: '0.1.0' }).exactOptional(),
    scene: id,
    scene_license: text.exactOptional(),
    scene_attribution: text.exactOptional(),
    model: text.meta({ example: 'landuse-unet' }),
    model_sha256: text.describe('Of the weights that ran').exactOptional(),
    classes: z
      .array(ModelClass)
      .describe('Of the network as it ran, with their colours: they stay when the network is removed')
      .exactOptional(),
    parameters: JobParameters,
    assumptions: z.array(Assumption),
    counts: byName.meta({
      description: 'Features by collection: `numberMatched` of its items',
      example: { buildings: 1204, landuse: 388 },
    }),
    areas_m2: byName.meta({
      description: 'Of land use, by class: together the mapped area',
      example: { building: 90_411.5, water: 0 },
    }),
    ledger: Ledger,
    seam: z
      .object({
        certified: flag.describe('Whether chips leave no trace, by proof'),
        halo: count,
        disagreement: number.meta({
          description: 'Share of the pixels about which neighbouring chips disagree',
          example: 0,
        }),
        max_delta: number.exactOptional(),
      })
      .describe('How well chips fit together'),
    findings: z.array(Finding).exactOptional(),
    device: z
      .object({ name: text.meta({ example: 'cpu' }), fallback_nodes: count.meta({ example: 0 }) })
      .describe('Where the network ran, and how many of its nodes ran elsewhere')
      .exactOptional(),
    timings_ms: z.object(stages),
    peak_rss_bytes: count,
    model_grid: z
      .object({
        width: count,
        height: count,
        gsd_m: number,
        geotransform: z
          .tuple([number, number, number, number, number, number])
          .meta({
            description: "Column and row to the scene's CRS, as GDAL writes it",
            example: [326_000, 0.5, 0, 2_784_000, 0, -0.5],
          })
          .exactOptional(),
      })
      .exactOptional(),
    chips: z
      .object({
        count,
        core: count.describe('Side of what is kept of a chip, pixels'),
        halo: count,
        stride: count,
        done: count.exactOptional(),
        nodata: count.exactOptional(),
        outside: count.exactOptional(),
        failed: z.array(FailedChip).exactOptional(),
      })
      .describe('How many there are, by what became of them; of the failed ones which, and why')
      .exactOptional(),
    geometry: Geometry.exactOptional(),
  })
  .meta({ id: 'JobReport' });
export type JobReport = z.input<typeof JobReport>;
