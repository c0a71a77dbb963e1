/** What is understood of a scene and what it would ask of each network, before any work is done. */

import { Problem } from '../../errors/problem.ts';
import { networkBands } from '../../models/network-bands.ts';
import { type Network, wantedBands, weightsOf } from '../../models/registry.ts';
import { DEFAULT_RUN } from '../../models/runtime/run-profile.ts';
import type { Geotransform } from '../../tiler/crs/geotransform.ts';
import type { SampleType } from '../../tiler/geotiff/samples.ts';
import { planChips } from '../../tiler/grid/chips.ts';
import { planModelGrid } from '../../tiler/grid/model-grid.ts';
import type { ImageStatistics } from '../../tiler/ingest/image-statistics.ts';
import type { Rendering } from '../../tiler/rendering/rendering.ts';
import type { Finding, PreflightJson, Suitability } from '../api/index.ts';
import { type Choosable, chooseModel, fitOf } from '../networks/choose-network.ts';
import { measuredSpeeds } from '../networks/run-profiles.ts';
import { roomText } from '../store/files/free-room.ts';

export interface SceneShape {
  width: number;
  height: number;
  geotransform: Geotransform;
  gsdMetres: { x: number; y: number };
}

/** What a header and a look at the pixels say. */
export interface SceneFacts extends SceneShape {
  dtype: SampleType;
  bandNames: (string | null)[];
  rendering: Rendering;
  /** Of reading the file. */
  findings: readonly Finding[];
  look: ImageStatistics;
  /** Exact where the whole scene was read; else of the look. */
  validShare?: number;
  /** That may be written where its maps would lie. */
  freeBytes?: number;
}

/** Pixels, halo counted, that landuse-unet looks at in a second on two cores without AVX-512. */
const PIXELS_PER_SECOND = 2.5e6;
const SMALLEST_OVERVIEW = 512;
/** Of the compute process with a network and no scene. */
const BASE_MEMORY_BYTES = 450e6;
/** Of a stitched row band: classes, scores, their overviews and what is being traced. */
const BYTES_PER_BAND_PIXEL = 8;
/** Class map, score map and features of a model-grid pixel, compressed. */
export const DISK_BYTES_PER_PIXEL = 0.6;

export const choosable = ({ id, gsdMetres, gsdRangeMetres, classes, adapter }: Network): Choosable => ({
  id,
  kind: adapter ? 'added' : 'shipped',
  gsd_m: gsdMetres,
  gsd_range_m: gsdRangeMetres,
  classes,
});

/** Whether a network suits a scene, and what it would cost. `pixelsPerSecond`: as measured on this machine. */
export function suitability(scene: SceneShape, network: Network, pixelsPerSecond?: number): Suitability {
  const grid = planModelGrid({ ...scene, levels: overviewSizes(scene) }, network.gsdMetres);
  const { columns, rows, core, halo } = planChips(grid, network, DEFAULT_RUN.core);
  const chips = columns * rows;
  const minutes = (chips * (core + 2 * halo) ** 2) / (pixelsPerSecond ?? PIXELS_PER_SECOND) / 60;
  return {
    id: network.id,
    ...fitOf(sceneGsd(scene), choosable(network)),
    chips,
    minutes: Number(minutes.toPrecision(3)),
    minutes_measured: pixelsPerSecond !== undefined,
    memory_bytes: Math.round(BASE_MEMORY_BYTES + grid.width * core * BYTES_PER_BAND_PIXEL),
    disk_bytes: Math.round(grid.width * grid.height * DISK_BYTES_PER_PIXEL),
  };
}

const sceneGsd = ({ gsdMetres }: SceneShape): number => Math.sqrt(gsdMetres.x * gsdMetres.y);

/** The part of the report that does not need a database. */
export async function preflight(
  scene: SceneFacts,
  networks: readonly Network[],
): Promise<
  Pick<PreflightJson, 'band_values' | 'rendering' | 'content' | 'valid_share' | 'findings' | 'models' | 'model'>
> {
  const { look, rendering, bandNames } = scene;
  const speeds = await measuredSpeeds();
  const models = networks.map((network) =>
    suitability(scene, network, speeds[weightsOf(network, 'int8').sha256] ?? speeds[network.sha256]),
  );
  const colours = ['red', 'green', 'blue'] as const;
  return {
    band_values: look.bands.map((values, i) => ({
      number: i + 1,
      name: bandNames[i] ?? null,
      used_for: colours.filter((_, at) => rendering.bands[at] === i + 1),
      ...(values ?? { min: null, max: null, mean: null, percentiles: null, histogram: [] }),
    })),
    rendering: { bands: rendering.bands, ranges: rendering.ranges },
    content: {
      kind: look.content.kind,
      colours: look.content.colours,
      flat_share: rounded(look.content.flatShare),
      commonest_share: rounded(look.content.commonestShare),
      contrast: look.content.contrast,
    },
    valid_share: scene.validShare ?? rounded(look.valid / Math.max(1, look.sampled)),
    findings: [
      ...scene.findings.map((finding) => withRemedy(finding, scene)),
      ...lookFindings(scene, models),
      ...roomFindings(scene, models),
    ],
    models: models.map((model, i) => withBands(withContent(model, scene), networks[i], scene)),
    model: chooseModel(sceneGsd(scene), networks.map(choosable)),
  };
}

/** Whether the scene has the bands that a network names. */
function withBands(model: Suitability, network: Network, { bandNames, rendering }: SceneFacts): Suitability {
  try {
    const found = networkBands(wantedBands(network), { names: bandNames, rgb: rendering.bands });
    return found ? { ...model, reason: `${model.reason} ${found.reason}` } : model;
  } catch (error) {
    if (error instanceof Problem) return { ...model, suitable: false, reason: error.message };
    throw error;
  }
}

/** What the bands and the look of the picture say against a network that its pixel size speaks for. */
function withContent(model: Suitability, { look, rendering }: SceneFacts): Suitability {
  if (look.content.kind !== 'imagery') {
    const reason = 'The image looks like a map or a scan; the network was trained on imagery.';
    return { ...model, suitable: false, reason };
  }
  const gray = new Set(rendering.bands).size === 1;
  return gray ? { ...model, reason: `${model.reason} It was trained on colours, and the image is gray.` } : model;
}

const rounded = (share: number): number => Number(share.toFixed(4));

/** Files of satellites put blue first more often than red; near infrared comes last. */
const BLUE_FIRST: Rendering['bands'] = [3, 2, 1];

/** Findings of the file with what a job request can do about them. */
function withRemedy(finding: Finding, { rendering, bandNames }: SceneFacts): Finding {
  if (finding.code === 'band_order_assumed' && bandNames.length >= 3) {
    return { ...finding, params: { bands: rendering.bands }, job: { parameters: { bands: BLUE_FIRST } } };
  }
  if (finding.code === 'gray_repeated') return { ...finding, params: { band: rendering.bands[0] } };
  if (finding.code === 'scaled_to_8bit' && rendering.ranges) {
    const [low, high] = [0, 1].map((end) => rendering.ranges!.map((range) => range[end]));
    return { ...finding, params: { low, high }, job: { parameters: { stretch: { low, high } } } };
  }
  return finding;
}

/** Brightness steps, of 255, that imagery should at least make use of. */
const LEAST_CONTRAST = 40;
const MOSTLY_EMPTY = 0.2;

function lookFindings({ look, validShare, dtype, ...scene }: SceneFacts, models: readonly Suitability[]): Finding[] {
  const findings: Finding[] = [];
  const { kind, colours, flatShare, contrast } = look.content;
  if (kind !== 'imagery') {
    const what =
      kind === 'paper'
        ? 'Most of the image is white, as a scanned sheet is.'
        : `The image has large flat areas in few colours (${colours} different ones where it was looked at), as maps and masks have.`;
    findings.push({
      code: 'not_imagery',
      severity: 'warning',
      message: `${what} The networks were trained on aerial and satellite imagery and will make little of it.`,
      fix: 'Bring the imagery itself; a class map is turned into shapes by "planimeter vectorize".',
      params: { kind, colours, flat_share: rounded(flatShare) },
    });
  } else if (look.valid > 0 && contrast < LEAST_CONTRAST) {
    findings.push({
      code: 'low_contrast',
      severity: 'warning',
      message: `The image uses ${contrast} of 255 steps of brightness as it would be given to a network (${dtype}).`,
      fix: 'Stretch it from its 2nd to its 98th percentile.',
      params: { contrast },
      job: { parameters: { stretch: 'percentile' } },
    });
  }
  const share = validShare ?? look.valid / Math.max(1, look.sampled);
  if (share < MOSTLY_EMPTY) {
    const message =
      share === 0
        ? 'No pixel holds imagery where the image was looked at: all are nodata, which is not mapped.'
        : `Only ${Math.round(share * 100)} % of the image holds imagery; the rest is nodata and is not mapped.`;
    const severity = share === 0 ? 'warning' : 'info';
    findings.push({ code: 'mostly_nodata', severity, message, params: { valid_share: rounded(share) } });
  }
  if (models.length > 0 && !models.some(({ suitable }) => suitable)) {
    const gsd_m = Number(sceneGsd(scene).toPrecision(3));
    const message = `Pixels of ${gsd_m} m are too coarse for every network here: expect a poor map.`;
    const fix = 'Bring imagery of finer pixels, or add a network that was trained on such ones.';
    findings.push({ code: 'too_coarse', severity: 'warning', message, fix, params: { gsd_m } });
  }
  return findings;
}

function roomFindings({ freeBytes = Number.POSITIVE_INFINITY }: SceneFacts, models: readonly Suitability[]): Finding[] {
  const disk_bytes = Math.min(...models.map((model) => model.disk_bytes));
  if (models.length === 0 || disk_bytes <= freeBytes) return [];
  const message = `A map of this image takes about ${roomText(disk_bytes)}; ${roomText(freeBytes)} are free.`;
  const fix = 'Make room where the maps are kept.';
  return [{ code: 'no_room', severity: 'warning', message, fix, params: { disk_bytes, free_bytes: freeBytes } }];
}

function overviewSizes({ width, height }: SceneShape): { width: number; height: number }[] {
  const sizes = [{ width, height }];
  for (;;) {
    const last = sizes[sizes.length - 1];
    if (Math.max(last.width, last.height) <= SMALLEST_OVERVIEW) return sizes;
    sizes.push({ width: Math.ceil(last.width / 2), height: Math.ceil(last.height / 2) });
  }
}
