/** The directions that a building's walls may have: where the chords of its outline point, modulo a right angle. */
import type { Samples } from './outline.ts';

const BINS = 90;
/** Half the width of a peak in bins: chords of pixel steps scatter by a few degrees. */
const SPREAD = 4;

/**
 * Radians in [0, π/2) of the up to `most` strongest directions, the strongest first. Chords span about `chordMetres`;
 * one that spans a bend is short for its length of outline and weighs little.
 */
export function dominantDirections(samples: Samples, chordMetres: number, most: number): number[] {
  const { count, x, y, weight } = samples;
  if (count < 4) return [];
  let perimeter = 0;
  for (let i = 0; i < count; i++) perimeter += weight[i];
  const span = Math.max(1, Math.min(Math.floor(count / 4), Math.round((chordMetres * count) / perimeter)));
  const histogram = new Array<number>(BINS).fill(0);
  for (let i = 0; i < count; i++) {
    const j = i + span < count ? i + span : i + span - count;
    const dx = x[j] - x[i];
    const dy = y[j] - y[i];
    const degrees = ((Math.atan2(dy, dx) * 180) / Math.PI + 360) % BINS;
    const low = Math.floor(degrees);
    const share = degrees - low;
    const strength = (dx * dx + dy * dy) ** 2;
    histogram[low % BINS] += strength * (1 - share);
    histogram[(low + 1) % BINS] += strength * share;
  }
  const smooth = new Array<number>(BINS).fill(0);
  for (let bin = 0; bin < BINS; bin++) {
    for (let k = -SPREAD; k <= SPREAD; k++) {
      smooth[bin] += histogram[(bin + k + BINS) % BINS] * (1 - Math.abs(k) / (SPREAD + 1));
    }
  }
  const peaks: number[] = [];
  for (let bin = 0; bin < BINS; bin++) {
    const before = smooth[(bin + BINS - 1) % BINS];
    const after = smooth[(bin + 1) % BINS];
    if (smooth[bin] > before && smooth[bin] >= after) peaks.push(bin);
  }
  peaks.sort((a, b) => smooth[b] - smooth[a] || a - b);
  return peaks
    .filter((bin) => smooth[bin] > 0.3 * smooth[peaks[0]])
    .slice(0, most)
    .map((bin) => (bin * Math.PI) / 180);
}
