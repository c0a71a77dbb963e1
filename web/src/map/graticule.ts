/** Meridians and parallels: the step that suits a zoom, their lines as GeoJSON, their values as text. All in degrees. */
import type { FeatureCollection, LineString, Position } from 'geojson';
import { t } from '../messages/index.ts';

/** west, south, east, north */
export type Extent = [number, number, number, number];

const SECOND = 1 / 3600;
const MINUTE = 1 / 60;
/** Steps that people count in: degrees, then minutes, then seconds. */
const STEPS = [
  ...[0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 20, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 5, 10, 15],
];
const LEAST_PIXELS = 120;

/** The smallest step whose meridians stand at least 120 pixels apart; from afar a fixed one. */
export function graticuleStep(zoom: number): number {
  const pixelsPerDegree = (512 * 2 ** zoom) / 360;
  if (zoom < 3) return 15;
  return STEPS.find((step) => step * pixelsPerDegree >= LEAST_PIXELS) ?? 15;
}

/** Multiples of `step` from just below `from` to just above `to`. */
export function gridValues(from: number, to: number, step: number): number[] {
  const first = Math.floor(from / step + 1e-9);
  const last = Math.ceil(to / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

export function graticuleLines([west, south, east, north]: Extent, step: number): FeatureCollection<LineString> {
  const meridians = gridValues(west, east, step)
    // On the whole globe the meridian of 180° would be there twice.
    .filter((lon) => lon > -180 || west > -180)
    .map((lon) => along([lon, south], [lon, north]));
  const parallels = gridValues(south, north, step)
    .filter((lat) => Math.abs(lat) <= 85)
    .map((lat) => along([west, lat], [east, lat]));
  const features = [...meridians, ...parallels].map((coordinates) => {
    return { type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates } } as const;
  });
  return { type: 'FeatureCollection', features };
}

/** A straight line in degrees with a vertex every 3°, so that it bends with the globe. */
function along(from: Position, to: Position): Position[] {
  const parts = Math.max(1, Math.ceil(Math.max(Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1])) / 3));
  return Array.from({ length: parts + 1 }, (_, index) => {
    const t = index / parts;
    return [from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])];
  });
}

/** Degrees, minutes and seconds, as far as the step needs them: 55°16′30″ E. */
export function graticuleLabel(value: number, step: number, axis: 'lon' | 'lat'): string {
  const wrapped = axis === 'lon' ? ((((value + 180) % 360) + 360) % 360) - 180 : value;
  const decimals = step < SECOND ? 1 : 0;
  const unit = 3600 * 10 ** decimals;
  const total = Math.round(Math.abs(wrapped) * unit);
  const degrees = Math.floor(total / unit);
  const minutes = Math.floor((total % unit) / (unit / 60));
  const seconds = (total % (unit / 60)) / 10 ** decimals;
  const { north, east, south, west } = t.compass;
  const [negative, positive] = axis === 'lon' ? [west, east] : [south, north];
  const hemisphere =
    total === 0 || (axis === 'lon' && degrees === 180) ? '' : `\u2009${wrapped < 0 ? negative : positive}`;
  const twoDigits = (number: number, fraction = 0) =>
    number.toFixed(fraction).padStart(fraction ? fraction + 3 : 2, '0');
  let text = `${degrees}°`;
  if (step < 0.99) text += `${twoDigits(minutes)}′`;
  if (step < MINUTE * 0.99) text += `${twoDigits(seconds, decimals)}″`;
  return text + hemisphere;
}
