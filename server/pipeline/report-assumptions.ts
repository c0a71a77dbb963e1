/** What a job's report says beside its figures: what was assumed, with the reason, and what a user should know. */

import type { FailedChip, Ledger } from '../../models/mapping/ledger.ts';
import type { ChosenBands } from '../../models/network-bands.ts';
import { type Network, tellsScores } from '../../models/registry.ts';
import type { Run } from '../../models/runtime/run-profile.ts';
import type { ModelGrid } from '../../tiler/grid/model-grid.ts';
import type { ChosenRendering } from '../../tiler/working-copy/job-rendering.ts';
import type { Assumption, Finding } from '../api/index.ts';
import type { ReadyScene } from '../scenes/ready-scene.ts';
import type { JobParameters } from './job-parameters.ts';

/** What a user should know of a finished map. */
export function mapFindings(ledger: Ledger, failed: readonly FailedChip[], withoutClass: number): Finding[] {
  return [...failedChips(ledger, failed), ...valuesWithoutClass(ledger, withoutClass)];
}

function valuesWithoutClass(ledger: Ledger, pixels: number): Finding[] {
  if (pixels === 0) return [];
  const share = ((100 * pixels) / ledger.done).toPrecision(2);
  const message = `For ${pixels} pixels (${share} %) the network gave a value that is none of its classes: they are nodata.`;
  const fix = 'Remove the network, and add it again with --classes and a name for every value that it gives.';
  return [{ code: 'values_without_class', severity: 'warning', message, fix }];
}

function failedChips(ledger: Ledger, failed: readonly FailedChip[]): Finding[] {
  if (ledger.failed === 0) return [];
  const share = ((100 * ledger.failed) / (ledger.failed + ledger.done)).toPrecision(2);
  const which = failed.length === 1 ? 'One chip' : `${failed.length} chips`;
  const message = `${which} could not be computed: ${share} % of the map is missing.`;
  const fix = 'Try the job again; the report names the chips and the reasons.';
  return [{ code: 'chips_failed', severity: 'warning', message, fix }];
}

/** What is assumed of bands and values; what the job sets stands in place of what was understood of the file. */
export function renderingAssumptions(
  { report }: ReadyScene,
  { bands, stretch }: JobParameters,
  chosen: ChosenRendering | null,
  found: ChosenBands | null,
): Assumption[] {
  if (!chosen) return report.assumptions;
  const { rendering, kind } = chosen;
  const replaced = [...(bands || found ? BAND_CODES : []), 'stretch'];
  const kept = report.assumptions.filter(
    ({ code, value }) =>
      !replaced.includes(code) && !(code === 'alpha_band' && rendering.bands.includes(Number(value))),
  );
  const reasons = {
    declared: 'The values that the job sets are spread over 0 to 255.',
    levels: 'The values are the 256 even levels of 8-bit imagery; each was given its level.',
    stored: 'The network takes the values as they are stored and scales them itself.',
    percentiles: 'From the 2nd to the 98th percentile of each band over the whole scene, spread over 0 to 255.',
  };
  const asTheyAre = 'The values are 8-bit ones and are taken as they are.';
  const reason =
    rendering.ranges || rendering.stored ? reasons[stretch || kind !== 'declared' ? kind : 'levels'] : asTheyAre;
  return [
    ...(bands
      ? [{ code: 'bands', value: rendering.bands, reason: 'The job says which bands the network is given.' }]
      : []),
    ...(found ? [{ code: 'bands_of_network', value: found.bands, reason: found.reason }] : []),
    { code: 'stretch', value: { bands: rendering.bands, ranges: rendering.ranges }, reason },
    ...kept,
  ];
}

/** What a network of one band is shown of a colour image. */
export function greyAssumptions({ adapter }: Network): Assumption[] {
  if (adapter?.input.bands !== 1 || adapter.input.names) return [];
  const reason =
    'The network takes one band and nothing says which: it was given grey, made of red, green and blue (ITU-R BT.601).';
  return [{ code: 'grey_of_rgb', value: { red: 0.299, green: 0.587, blue: 0.114 }, reason }];
}

/** Of a network that gives class codes alone. */
export function scoreFindings(network: Network): Finding[] {
  if (tellsScores(network)) return [];
  const message = 'The network does not say how sure it is: features have no score, and the score map is nodata.';
  return [{ code: 'no_scores', severity: 'warning', message }];
}

/** Which of a network's weights were taken; nothing of a network that has them in one precision. */
export function precisionAssumptions({ precision }: JobParameters, { core_mpx_s }: Run): Assumption[] {
  if (!precision) return [];
  const weights = precision === 'int8' ? '8-bit weights' : '32-bit weights';
  const speeds = Object.entries(core_mpx_s).map(([name, speed]) => `${name} ${speed}`);
  const measured =
    speeds.length > 1
      ? ` Measured here, million pixels a second: ${speeds.join(', ')}.`
      : ' They were not measured here.';
  const reason = `The network ran with its ${weights}; "precision" sets which.${measured}`;
  return [{ code: 'precision', value: precision, reason }];
}

/** Assumptions about bands that a job's own choice takes the place of. */
const BAND_CODES = ['bands_named', 'bands_rgb', 'gray_repeated', 'band_ignored', 'bands_ignored'];

/** What was done about a scene whose pixels are not the network's size. */
export function gridAssumptions(scene: ReadyScene, network: Network, grid: ModelGrid): Assumption[] {
  const resampled = Math.abs(grid.gsdMetres.x / scene.gsd_x_m - 1) > 0.01;
  const value = { scene_gsd_m: scene.gsd_m, model_gsd_m: meanGsd(grid) };
  if (network.gsdMetres === null) {
    const reason = 'Nothing says which pixel size the network was trained at: the image was taken as it is.';
    return [{ code: 'model_grid', value, reason }];
  }
  const reason = resampled
    ? `The image was resampled to the ${network.gsdMetres} m per pixel that the network was trained at.`
    : 'The image has about the pixel size that the network was trained at and was not resampled.';
  return [{ code: 'model_grid', value, reason }, ...overviewAssumptions(scene, grid)];
}

/** The overviews of a working COG are averages; those of an image in place are what its maker made them. */
function overviewAssumptions({ report: { levels } }: ReadyScene, { level }: ModelGrid): Assumption[] {
  if (!levels || level === 0) return [];
  const reason =
    'The network looked at this overview of the file, as its maker made it; of an uploaded file it would be averaged anew.';
  return [{ code: 'overview_of_file', value: { level, ...levels[level] }, reason }];
}

/** Of both axes, metres. */
export const meanGsd = ({ gsdMetres }: ModelGrid): number => Math.sqrt(gsdMetres.x * gsdMetres.y);
