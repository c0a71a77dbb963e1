/**
 * Easting and northing of a UTM zone to longitude and latitude on WGS 84: the inverse transverse Mercator of Krüger
 * (1912) as series in the third flattening n, from C. F. F. Karney, "Transverse Mercator with an accuracy of a few
 * nanometers", Journal of Geodesy 85 (2011), equations 7-9 and 36 (beta, here to n^4: micrometres within a zone).
 */

const SEMI_MAJOR_METRES = 6378137;
const FLATTENING = 1 / 298.257223563;
const CENTRAL_SCALE = 0.9996;
const FALSE_EASTING_METRES = 500000;

const n = FLATTENING / (2 - FLATTENING);
const RECTIFYING_RADIUS_METRES = (SEMI_MAJOR_METRES / (1 + n)) * (1 + n ** 2 / 4 + n ** 4 / 64);
const BETA = [
  n / 2 - (2 / 3) * n ** 2 + (37 / 96) * n ** 3 - (1 / 360) * n ** 4,
  n ** 2 / 48 + n ** 3 / 15 - (437 / 1440) * n ** 4,
  (17 / 480) * n ** 3 - (37 / 840) * n ** 4,
  (4397 / 161280) * n ** 4,
];
const ECCENTRICITY = Math.sqrt(FLATTENING * (2 - FLATTENING));

/** Longitude and latitude in degrees of a point of a northern UTM zone (1-60). */
export function utmToLonLat(zone: number, easting: number, northing: number): [lon: number, lat: number] {
  const xi = northing / (CENTRAL_SCALE * RECTIFYING_RADIUS_METRES);
  const eta = (easting - FALSE_EASTING_METRES) / (CENTRAL_SCALE * RECTIFYING_RADIUS_METRES);
  let xiPrime = xi;
  let etaPrime = eta;
  BETA.forEach((beta, k) => {
    const m = 2 * (k + 1);
    xiPrime -= beta * Math.sin(m * xi) * Math.cosh(m * eta);
    etaPrime -= beta * Math.cos(m * xi) * Math.sinh(m * eta);
  });
  const tauPrime = Math.sin(xiPrime) / Math.hypot(Math.sinh(etaPrime), Math.cos(xiPrime));
  const lambda = Math.atan2(Math.sinh(etaPrime), Math.cos(xiPrime));
  // Newton's method from the conformal to the geographic latitude (Karney, equations 19-21).
  let tau = tauPrime;
  for (let k = 0; k < 5; k++) {
    const root = Math.hypot(1, tau);
    const sigma = Math.sinh(ECCENTRICITY * Math.atanh((ECCENTRICITY * tau) / root));
    const estimate = tau * Math.hypot(1, sigma) - sigma * root;
    const slope = ((1 - ECCENTRICITY ** 2) * Math.hypot(1, estimate) * root) / (1 + (1 - ECCENTRICITY ** 2) * tau ** 2);
    tau += (tauPrime - estimate) / slope;
  }
  const degrees = 180 / Math.PI;
  return [6 * zone - 183 + lambda * degrees, Math.atan(tau) * degrees];
}
