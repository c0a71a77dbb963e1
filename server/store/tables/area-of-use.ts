/**
 * Whether a scene lies where its coordinate reference system is meant to be used. Registries name an area of use for each
 * code; what they would say shows in the system itself: far from where it holds, its metres are none on the ground.
 */
import { Problem } from '../../../errors/problem.ts';
import { apply, type Geotransform } from '../../../tiler/crs/geotransform.ts';
import type { Finding } from '../../../tiler/ingest/findings.ts';

type Point = [number, number];

/** Metres of a system may be longer or shorter on the ground by this share where they are meant to be used. */
const MOST_STRETCH = 0.1;
/** Metres that are as many times as long or short as this are no metres. */
const ABSURD_STRETCH = 3;
/** Transverse Mercator zones are a few degrees wide; those of neighbours are used too. */
const MOST_DEGREES_FROM_MERIDIAN = 20;
/** Where UTM ends and UPS begins. */
const UTM_LATITUDES = [-80.5, 84.5] as const;
/** Of pixels on the ground. */
const LEAST_METRES = 1e-4;
const MOST_METRES = 1e6;
/** Points brought to degrees and back must be found again, in pixels. */
const MOST_PIXELS_LOST = 1;

/** These stretch what they show by design: all of the Earth on one sheet. */
const WORLD_MAP =
  /PROJECTION\["(?:Mercator|Popular_Visualisation|Equirectangular|Plate_Carree|Equidistant_Cylindrical|Cylindrical|Miller|Robinson|Sinusoidal|Mollweide|VanDerGrinten|Eckert|Gall|Winkel|Hammer|Gnomonic|Orthographic)/i;

export interface PlacedScene {
  /** WKT; nothing where PostGIS knows the system by its code alone. */
  definition: string;
  srs: string;
  geotransform: Geotransform;
  /** Of pixels at the scene's centre, on the ground. */
  gsdMetres: { x: number; y: number };
  /** Of its outline, in pixels, and in degrees. */
  pixels: readonly Point[];
  degrees: readonly Point[];
  /** The outline's degrees back in the system. */
  back: readonly Point[];
}

/** Throws Problem unsupported_raster for a geocentric system, as which no image can be stored. */
export function checkKind(definition: string, srs: string): void {
  if (!/^GEOCCS/i.test(definition)) return;
  throw new Problem(
    'unsupported_raster',
    `${srs} is geocentric: its coordinates are measured from the centre of the Earth, where no image lies. Say which system the coordinates really have: --srs EPSG:CODE, or gdal_edit.py -a_srs EPSG:CODE INPUT.tif`,
  );
}

/** What makes the place doubtful. Throws Problem unknown_crs where it cannot be. */
export function checkAreaOfUse(scene: PlacedScene): Finding[] {
  const { definition, srs, degrees, gsdMetres } = scene;
  checkRoundTrip(scene, /^PROJCS/i.test(definition));
  const reasons: string[] = [];
  const nominal = nominalMetres(definition, scene.geotransform);
  if (nominal && !WORLD_MAP.test(definition)) {
    const stretch = [gsdMetres.x / nominal.x, gsdMetres.y / nominal.y];
    const worst = Math.max(...stretch.flatMap((ratio) => [ratio, 1 / ratio]));
    if (worst > ABSURD_STRETCH)
      throw implausible(srs, `a metre of it is ${figure(stretch[0]!)} × ${figure(stretch[1]!)} m there`);
    if (worst > 1 + MOST_STRETCH)
      reasons.push(`a metre of it is ${figure(stretch[0]!)} × ${figure(stretch[1]!)} m there`);
  }
  const meridian = /PROJECTION\["Transverse_Mercator"\].*PARAMETER\["central_meridian",(-?[\d.]+)\]/is.exec(definition);
  if (meridian) {
    const away = Math.max(...degrees.map(([lon]) => Math.abs(((lon - Number(meridian[1]) + 540) % 360) - 180)));
    if (away > 90)
      throw implausible(srs, `it would lie ${Math.round(away)} degrees from the system's central meridian`);
    if (away > MOST_DEGREES_FROM_MERIDIAN)
      reasons.push(`it lies ${Math.round(away)} degrees from the system's central meridian`);
  }
  if (/UTM[ _]zone/i.test(definition)) {
    const outside = degrees.find(([, lat]) => lat < UTM_LATITUDES[0] || lat > UTM_LATITUDES[1]);
    if (outside) reasons.push(`UTM ends at 80° south and 84° north, and it lies at ${figure(outside[1])}°`);
  }
  const metres = Math.sqrt(gsdMetres.x * gsdMetres.y);
  if (metres < LEAST_METRES || metres > MOST_METRES)
    reasons.push(`its pixels would be ${figure(metres)} m on the ground`);
  if (reasons.length === 0) return [];
  const [lon, lat] = degrees[0]!;
  const message = `The image would lie near ${lon.toFixed(2)}, ${lat.toFixed(2)} (longitude, latitude), far from where ${shortOf(srs)} is meant to be used: ${reasons.join('; ')}. If that is not where it was taken, its system or its coordinates are wrong.`;
  const fix = 'Say which system it has: --srs EPSG:CODE, or gdal_edit.py -a_srs EPSG:CODE INPUT.tif';
  return [{ code: 'outside_area_of_use', severity: 'warning', message, fix }];
}

/** Longitudes may be some turns on. */
function checkRoundTrip({ srs, geotransform, pixels, back }: PlacedScene, projected: boolean): void {
  const size = Math.hypot(geotransform[1], geotransform[4]);
  const lost = pixels.some(([x, y], i) => {
    const [px, py] = apply(geotransform, x, y);
    const [bx, by] = back[i]!;
    const turns = projected ? 0 : 360 * Math.round((px - bx) / 360);
    return !(Math.hypot(px - bx - turns, py - by) <= MOST_PIXELS_LOST * size);
  });
  if (lost) throw implausible(srs, 'coordinates that are brought to degrees and back are others');
}

const implausible = (srs: string, why: string): Problem =>
  new Problem(
    'unknown_crs',
    `The image says ${shortOf(srs)}, but its coordinates are not ones of that system: ${why}. Check its system and geotransform, or say which system it has: --srs EPSG:CODE`,
  );

const shortOf = (srs: string): string => (srs.startsWith('EPSG:') ? srs : 'its own system');
const figure = (value: number): string => String(Number(value.toPrecision(3)));

/** Size of a pixel as the system has it, in metres; null for systems in degrees. */
function nominalMetres(definition: string, [, a, b, , c, d]: Geotransform): { x: number; y: number } | null {
  if (!/^PROJCS/i.test(definition)) return null;
  const unit = Number([...definition.matchAll(/UNIT\["[^"]*",\s*([\d.eE+-]+)/gi)].at(-1)?.[1]);
  if (!(unit > 0)) return null;
  return { x: Math.hypot(a, c) * unit, y: Math.hypot(b, d) * unit };
}
