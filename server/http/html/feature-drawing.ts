/** Features in longitude and latitude → a drawing (SVG) of them, each a link to its page. */
import type { Position } from 'geojson';
import type { FeatureJson } from '../../api/index.ts';
import { Html, html } from './page.ts';

const WIDTH = 960;
const HIGHEST = 520;
const MARGIN = 12;
/** Finer is not seen. */
const DECIMALS = 1;

/** @param colours of classes, by name; @param hrefs of the features' pages, or null where they are no links */
export function drawFeature(
  features: readonly FeatureJson[],
  colours: ReadonlyMap<string, string>,
  href: ((feature: FeatureJson) => string) | null,
): Html {
  const drawn = features.filter(({ geometry }) => geometry !== null);
  const points = drawn.flatMap((feature) => linesOf(feature).flat());
  if (points.length === 0) return new Html('');
  const bounds = { west: 180, south: 90, east: -180, north: -90 };
  for (const [lon, lat] of points as [number, number][]) {
    bounds.west = Math.min(bounds.west, lon);
    bounds.east = Math.max(bounds.east, lon);
    bounds.south = Math.min(bounds.south, lat);
    bounds.north = Math.max(bounds.north, lat);
  }
  const squeeze = Math.cos((((bounds.south + bounds.north) / 2) * Math.PI) / 180);
  const [wide, high] = [(bounds.east - bounds.west) * squeeze, bounds.north - bounds.south];
  const [roomX, roomY] = [WIDTH - 2 * MARGIN, HIGHEST - 2 * MARGIN];
  const scale = Math.min(wide > 0 ? roomX / wide : Infinity, high > 0 ? roomY / high : Infinity);
  if (!Number.isFinite(scale)) return new Html('');
  const height = Math.max(60, Math.ceil(high * scale) + 2 * MARGIN);
  const left = (WIDTH - wide * scale) / 2;
  const place = ([lon, lat]: Position) => {
    const x = left + (lon! - bounds.west) * squeeze * scale;
    return `${x.toFixed(DECIMALS)} ${(MARGIN + (bounds.north - lat!) * scale).toFixed(DECIMALS)}`;
  };
  const paths = drawn.map((feature) => {
    const areas = feature.geometry.type.endsWith('Polygon');
    const d = linesOf(feature).map((line) => `M${distinct(line.map(place)).join('L')}${areas ? 'Z' : ''}`);
    const colour = colours.get(feature.properties.class) ?? '#8a958f';
    const path = areas
      ? html`<path fill-rule="evenodd" fill="${colour}" d="${d.join('')}"><title>${feature.properties.class}</title></path>`
      : html`<path class="line" stroke="${colour}" d="${d.join('')}"><title>${feature.properties.class}</title></path>`;
    return href ? html`<a href="${href(feature)}">${path}</a>` : path;
  });
  const label = `A drawing of ${drawn.length} ${drawn.length === 1 ? 'feature' : 'features'}`;
  return html`<div class="panel"><svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${label}">${paths}</svg></div>`;
}

function linesOf({ geometry }: FeatureJson): Position[][] {
  if (geometry.type === 'LineString') return [geometry.coordinates];
  return geometry.type === 'MultiPolygon' ? geometry.coordinates.flat() : geometry.coordinates;
}

const distinct = (places: string[]): string[] => places.filter((each, i) => i === 0 || each !== places[i - 1]);
