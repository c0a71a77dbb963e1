/**
 * Systems that are brought to longitude and latitude in closed form, to what floating point can hold of PROJ's answers:
 * degrees, Web Mercator, and UTM by Krüger's series to the sixth order (C. F. F. Karney, Transverse Mercator with an
 * accuracy of a few nanometers, J. Geodesy 85, 2011, equations 7 to 36).
 */

type Point = [number, number];

export interface KnownSystem {
  /** What can be asked of its definition: kind, name, projection and unit. */
  wkt: string;
  /** Longitude and latitude on WGS 84; null where others are to be asked: far from where the system is used, and at the antimeridian. */
  toDegrees(x: number, y: number): Point | null;
  fromDegrees(lon: number, lat: number): Point | null;
}

const RADIAN = Math.PI / 180;
const A = 6_378_137;
const WGS84_FLATTENING = 1 / 298.257223563;
const GRS80_FLATTENING = 1 / 298.257222101;
/** Nearer to the antimeridian longitudes may turn. */
const FARTHEST_LONGITUDE = 179.9;
const FARTHEST_LATITUDE = 85;
const MOST_DEGREES_FROM_MERIDIAN = 10;
const [SCALE, FALSE_EASTING, SOUTHERN_FALSE_NORTHING] = [0.9996, 500_000, 10_000_000];

const within = (lon: number, lat: number, farthest: number, most: number): Point | null =>
  Math.abs(lon) <= farthest && Math.abs(lat) <= most ? [lon, lat] : null;

/** By its EPSG code; null for those that are not known in closed form, and for those of other datums than WGS 84 and ETRS89. */
export function knownSystem(epsg: number): KnownSystem | null {
  if (epsg === 4326) return DEGREES;
  if (epsg === 3857) return WEB_MERCATOR;
  const zone = epsg % 100;
  const family = (epsg - zone) / 100;
  if ((family === 326 || family === 327) && zone >= 1 && zone <= 60) {
    return utm('WGS 84', zone, family === 327, WGS84_FLATTENING);
  }
  if (family === 258 && zone >= 28 && zone <= 38) return utm('ETRS89', zone, false, GRS80_FLATTENING);
  return null;
}

const onGlobe = (lon: number, lat: number) => within(lon, lat, 180, 90);
const DEGREES: KnownSystem = { wkt: 'GEOGCS["WGS 84"]', toDegrees: onGlobe, fromDegrees: onGlobe };

const WEB_MERCATOR: KnownSystem = {
  wkt: 'PROJCS["WGS 84 / Pseudo-Mercator",PROJECTION["Popular_Visualisation_Pseudo_Mercator"],UNIT["metre",1]]',
  toDegrees: (x, y) =>
    within(x / A / RADIAN, Math.atan(Math.sinh(y / A)) / RADIAN, FARTHEST_LONGITUDE, FARTHEST_LATITUDE),
  fromDegrees: (lon, lat) =>
    within(lon, lat, FARTHEST_LONGITUDE, FARTHEST_LATITUDE) && [
      A * lon * RADIAN,
      A * Math.asinh(Math.tan(lat * RADIAN)),
    ],
};

function utm(datum: string, zone: number, south: boolean, flattening: number): KnownSystem {
  const meridian = 6 * zone - 183;
  const falseNorthing = south ? SOUTHERN_FALSE_NORTHING : 0;
  const e = Math.sqrt(flattening * (2 - flattening));
  const { radius, forward, inverse } = kruegerSeries(flattening / (2 - flattening));
  const unit = SCALE * radius;
  const inside = (lon: number, lat: number) =>
    Math.abs(lon - meridian) <= MOST_DEGREES_FROM_MERIDIAN && within(lon, lat, FARTHEST_LONGITUDE, FARTHEST_LATITUDE);
  return {
    wkt: `PROJCS["${datum} / UTM zone ${zone}${south ? 'S' : 'N'}",PROJECTION["Transverse_Mercator"],PARAMETER["central_meridian",${meridian}],UNIT["metre",1]]`,
    toDegrees(x, y) {
      const [xi, eta] = [(y - falseNorthing) / unit, (x - FALSE_EASTING) / unit];
      // Beyond a quarter of the way round the series' answers are of no place.
      if (!(Math.abs(xi) < Math.PI / 2 && Math.abs(eta) < 0.5)) return null;
      const [north, east] = withSeries(inverse, -1, xi, eta);
      const sinh = Math.sinh(east);
      const cos = Math.cos(north);
      const tau = tauOf(Math.sin(north) / Math.hypot(sinh, cos), e);
      return inside(meridian + Math.atan2(sinh, cos) / RADIAN, Math.atan(tau) / RADIAN) || null;
    },
    fromDegrees(lon, lat) {
      if (!inside(lon, lat)) return null;
      const lambda = (lon - meridian) * RADIAN;
      const tau = conformal(Math.tan(lat * RADIAN), e);
      const cos = Math.cos(lambda);
      const [xi, eta] = withSeries(
        forward,
        1,
        Math.atan2(tau, cos),
        Math.asinh(Math.sin(lambda) / Math.hypot(tau, cos)),
      );
      return [FALSE_EASTING + unit * eta, falseNorthing + unit * xi];
    },
  };
}

/** Tangent of the conformal latitude, of that of the latitude. */
function conformal(tau: number, e: number): number {
  const sigma = Math.sinh(e * Math.atanh((e * tau) / Math.hypot(1, tau)));
  return tau * Math.hypot(1, sigma) - sigma * Math.hypot(1, tau);
}

/** The other way round, by Newton's method, which is there after two or three steps. */
function tauOf(conformalTau: number, e: number): number {
  let tau = conformalTau / (1 - e * e);
  for (let step = 0; step < 5; step++) {
    const found = conformal(tau, e);
    const slope = ((1 - e * e) * Math.hypot(1, found) * Math.hypot(1, tau)) / (1 + (1 - e * e) * tau * tau);
    const change = (conformalTau - found) / slope;
    tau += change;
    if (Math.abs(change) <= 1e-15 * Math.hypot(1, tau)) break;
  }
  return tau;
}

function withSeries(series: readonly number[], sign: number, xi: number, eta: number): Point {
  let [north, east] = [0, 0];
  for (let j = series.length; j > 0; j--) {
    north += series[j - 1]! * Math.sin(2 * j * xi) * Math.cosh(2 * j * eta);
    east += series[j - 1]! * Math.cos(2 * j * xi) * Math.sinh(2 * j * eta);
  }
  return [xi + sign * north, eta + sign * east];
}

/** @param n third flattening */
function kruegerSeries(n: number): { radius: number; forward: number[]; inverse: number[] } {
  const n2 = n * n;
  /** `first`: the power of n of the first of them. */
  const sum = (first: number, ...coefficients: number[]) =>
    coefficients.reduceRight((total, coefficient) => total * n + coefficient, 0) * n ** first;
  return {
    radius: (A / (1 + n)) * (1 + n2 / 4 + n2 ** 2 / 64 + n2 ** 3 / 256),
    forward: [
      sum(1, 1 / 2, -2 / 3, 5 / 16, 41 / 180, -127 / 288, 7891 / 37800),
      sum(2, 13 / 48, -3 / 5, 557 / 1440, 281 / 630, -1983433 / 1935360),
      sum(3, 61 / 240, -103 / 140, 15061 / 26880, 167603 / 181440),
      sum(4, 49561 / 161280, -179 / 168, 6601661 / 7257600),
      sum(5, 34729 / 80640, -3418889 / 1995840),
      sum(6, 212378941 / 319334400),
    ],
    inverse: [
      sum(1, 1 / 2, -2 / 3, 37 / 96, -1 / 360, -81 / 512, 96199 / 604800),
      sum(2, 1 / 48, 1 / 15, -437 / 1440, 46 / 105, -1118711 / 3870720),
      sum(3, 17 / 480, -37 / 840, -209 / 4480, 5569 / 90720),
      sum(4, 4397 / 161280, -11 / 504, -830251 / 7257600),
      sum(5, 4583 / 161280, -108847 / 3991680),
      sum(6, 20648693 / 638668800),
    ],
  };
}

/** Points of one system in another where one of them is longitude and latitude; null where others are to be asked. */
export function transformKnown(points: readonly Point[], source: number, target: number): Point[] | null {
  const system = knownSystem(target === 4326 ? source : target);
  if (!system || (source !== 4326 && target !== 4326)) return null;
  const placed: Point[] = [];
  for (const [x, y] of points) {
    const point = target === 4326 ? system.toDegrees(x, y) : system.fromDegrees(x, y);
    if (!point) return null;
    placed.push(point);
  }
  return placed;
}
