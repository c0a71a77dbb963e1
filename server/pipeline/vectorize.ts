/**
 * Vectorize and store: a map → features in the database, strip by strip, so that strips are drawn and stored while the
 * network has the next rows; what they leave open is joined at the end.
 */
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { withoutRole } from '../../models/imported/classes.ts';
import type { MapResult } from '../../models/mapping/map-scene.ts';
import { CLASS_NODATA } from '../../models/runtime/answer.ts';
import { planStrips, type Strip } from '../../vectorizer/strips.ts';
import type { MappingTools } from '../tools.ts';
import { coarseLevels, type DrawOptions } from '../tracing/draw-options.ts';
import type { MapLayer } from '../tracing/draw-strip.ts';
import type { GeometryReport, MovedRegion } from '../tracing/join-strips.ts';
import { chordMetres } from './bending.ts';
import { tracingOf } from './class-roles.ts';
import { placingOf } from './place-shapes.ts';
import type { PlannedJob } from './plan.ts';
import type { DrawnFeatures } from './publish.ts';
import { mapFindings, scoreFindings } from './report-assumptions.ts';
import type { SegmentationJob } from './segmentation-job.ts';
import { type Counts, type InsertRows, type StoredJob, storeFeatures } from './store-features.ts';

/** A map whose features are being drawn and stored. */
export interface Drawing {
  job: StoredJob;
  insert: InsertRows;
  options: DrawOptions;
}

/** What became of a strip, or of the joining; plain data. */
export interface StripResult {
  counts: Counts;
  drawMs: number;
  storeMs: number;
}

/** @param turn that `beginStoring` gave */
export async function drawingOf(
  { db }: MappingTools,
  { id, scene, network, parameters, ...job }: SegmentationJob,
  { grid }: PlannedJob,
  turn: string,
  insert: InsertRows,
): Promise<Drawing> {
  const classNames = new Map(network.classes.map(({ value, name }) => [value, name]));
  const placing = await placingOf(db, { ...grid, epsg: scene.epsg }, chordMetres(grid.gsdMetres, parameters));
  return {
    job: { id, turn, epsg: scene.epsg, classNames, placing },
    insert,
    options: {
      size: { width: grid.width, height: grid.height },
      geotransform: grid.geotransform,
      pixelMetres: grid.gsdMetres,
      minAreaM2: parameters.min_area_m2,
      toleranceMetres: parameters.tolerance_m,
      nodata: CLASS_NODATA,
      ...(network.planes.length > 0 && { planes: network.planes }),
      ...tracingOf({ ...job, id, scene, network, parameters }),
    },
  };
}

/** Of the file with what a strip leaves open. */
export const openKey = (job: string, strip: number): string => `jobs/${job}/strips/${strip}.open`;

/** Draws a strip from maps, or from parts of them, and stores what is finished of it. */
export async function drawStrip(
  { compute, files }: MappingTools,
  { job, insert, options }: Drawing,
  strip: Strip,
  layers: MapLayer[],
  signal: AbortSignal,
): Promise<StripResult> {
  const started = performance.now();
  const openPath = files.path(openKey(job.id, strip.index));
  const featuresPath = files.path(`jobs/${job.id}/strips/${strip.index}.features`);
  await mkdir(dirname(openPath), { recursive: true });
  await compute.drawStrip({ ...options, strip, layers, featuresPath, openPath }, { signal });
  const drawMs = performance.now() - started;
  return { ...(await storeFile(insert, job, featuresPath, signal)), drawMs };
}

/** Of the files with what the strips of a map leave open, from the top. */
export const openKeys = ({ job, options }: Drawing): string[] =>
  planStrips(options.size).map(({ index }) => openKey(job.id, index));

/** What became of all strips. */
export interface JoinedStrips extends StripResult {
  geometry: GeometryReport;
  regions: MovedRegion[];
}

/**
 * The end of all strips: what they left open becomes features, those of the finest level beside those of coarser ones.
 * `openPaths` are where the files of `openKeys` lie.
 */
export async function joinStrips(
  { compute, files }: MappingTools,
  { job, insert, options }: Drawing,
  openPaths: string[],
  signal: AbortSignal,
): Promise<JoinedStrips> {
  const started = performance.now();
  const pathOf = (name: string) => files.path(`jobs/${job.id}/strips/${name}.features`);
  await mkdir(dirname(pathOf('joined')), { recursive: true }); // this machine may have drawn none of the strips
  const levels = coarseLevels(options);
  const groups = openPaths.length > 1 ? levelGroups(levels) : levels.length > 0 ? [levels] : [];
  const featuresPaths = [pathOf('joined'), ...groups.map((_, i) => pathOf(`joined-${i}`))];
  const failed = new AbortController();
  const either = { signal: AbortSignal.any([signal, failed.signal]) };
  const finest = compute.joinFinest({ ...options, openPaths, featuresPath: featuresPaths[0]! }, either);
  // Of one strip there is too little to start another process for.
  const before = openPaths.length > 1 ? Promise.resolve() : finest;
  const coarser = groups.map((group, i) =>
    before.then(() =>
      compute.joinCoarser({ ...options, levels: group, openPaths, featuresPath: featuresPaths[1 + i]! }, either),
    ),
  );
  const [joined, ...others] = await Promise.all([finest, ...coarser]).catch(async (error) => {
    failed.abort(error);
    await Promise.allSettled([finest, ...coarser]);
    throw error;
  });
  const drawMs = performance.now() - started;
  const stored = [];
  for (const path of featuresPaths) stored.push(await storeFile(insert, job, path, signal));
  return {
    geometry: { ...joined.geometry, levels: [0, ...levels], blocks: others.flatMap(({ blocks }) => blocks) },
    regions: [joined, ...others].flatMap(({ regions }) => regions),
    counts: addCounts(stored.map(({ counts }) => counts)),
    drawMs,
    storeMs: stored.reduce((sum, { storeMs }) => sum + storeMs, 0),
  };
}

/** Levels that take about as long to join: each has a fourth of the cells of the one before, and more of a map's blocks. */
const levelGroups = (levels: readonly number[]): number[][] => [
  ...Map.groupBy(levels, (level) => Math.min(level, COARSEST_BY_ITSELF)).values(),
];
const COARSEST_BY_ITSELF = 5;

/** Features in a file → rows; the file is gone then. */
export async function storeFile(insert: InsertRows, job: StoredJob, path: string, signal: AbortSignal) {
  const started = performance.now();
  const counts = await storeFeatures(insert, job, path, signal);
  await rm(path);
  return { counts, storeMs: performance.now() - started };
}

export function addCounts(all: readonly Counts[]): Counts {
  const sums: Counts = { buildings: 0, roads: 0, landuse: 0 };
  for (const counts of all) {
    for (const [collection, count] of Object.entries(counts)) sums[collection] = (sums[collection] ?? 0) + count;
  }
  return sums;
}

/** The end of a job's maps: strips are joined. */
export async function finishDrawing(
  tools: MappingTools,
  { network }: SegmentationJob,
  drawing: Drawing,
  mapped: MapResult,
  strips: readonly StripResult[],
  openPaths: string[],
  signal: AbortSignal,
): Promise<DrawnFeatures> {
  const { geometry, regions, ...joined } = await joinStrips(tools, drawing, openPaths, signal);
  const all = [...strips, joined];
  const sum = (of: (each: StripResult) => number) => all.reduce((total, each) => total + of(each), 0);
  return {
    turn: drawing.job.turn,
    counts: addCounts(all.map(({ counts }) => counts)),
    regions,
    report: {
      ledger: mapped.ledger,
      seam: mapped.seam,
      findings: [
        ...mapFindings(mapped.ledger, mapped.chips.failed, mapped.withoutClass),
        ...scoreFindings(network),
        ...(network.adapter ? withoutRole(network.classes) : []),
      ],
      timings_ms: {
        infer: mapped.inferMs,
        stitch: mapped.stitchMs,
        vectorize: sum(({ drawMs }) => drawMs),
        store: sum(({ storeMs }) => storeMs),
      },
      peak_rss_bytes: mapped.peakRssBytes,
      device: { name: mapped.device, fallback_nodes: mapped.fallbackNodes },
      chips: mapped.chips,
      geometry: { ...geometry },
    },
  };
}
