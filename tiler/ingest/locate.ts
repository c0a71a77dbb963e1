/**
 * What a file, the files beside it and the user say of where it lies becomes a geotransform and a CRS, with what was
 * taken for granted, or the Problem that says how to supply what is missing.
 *
 * In the order of GDAL: what the user says, .aux.xml, the file itself, and then world file and .prj.
 */

import { Problem } from '../../errors/problem.ts';
import { type Crs, crsOfWkt, type UserCrs } from '../crs/crs.ts';
import { apply, type Geotransform, looksGeographic } from '../crs/geotransform.ts';
import { fitGeotransform } from '../crs/ground-control-points.ts';
import type { Georeference } from '../geotiff/georeference.ts';
import type { Finding } from './findings.ts';
import { NO_SIDECARS, type Sidecars } from './sidecars.ts';

export interface Location {
  geotransform: Geotransform;
  /** Null where the CRS has no code; then `userCrs` defines it. */
  epsg: number | null;
  userCrs: UserCrs | null;
  /** Whether the CRS is geographic. */
  geographic: boolean;
}

export interface Given {
  sidecars?: Sidecars;
  /** "EPSG:CODE" or WKT 1 that the user gives. */
  srs?: string | undefined;
}

/** How far control points may be from one affine grid. */
const MOST_RESIDUAL_PIXELS = 1;

const SUPPLY =
  'Say which it is: --srs EPSG:CODE on the command line, "srs" with the upload; or send a .prj or .aux.xml file along ' +
  '(beside it, or both in one zip); or write it into the file: gdal_edit.py -a_srs EPSG:CODE INPUT.tif';
const PLACE =
  'Send a world file (.tfw) along (beside it, or both in one zip), or write the place into the file: ' +
  'gdal_translate -a_srs EPSG:CODE -a_ullr LEFT TOP RIGHT BOTTOM INPUT.tif OUTPUT.tif';

/** Throws Problem missing_crs, unknown_crs or unsupported_raster. */
export function locate(
  own: Georeference,
  { width, height }: { width: number; height: number },
  { sidecars = NO_SIDECARS, srs }: Given = {},
): Location & { findings: Finding[] } {
  const findings: Finding[] = [];
  const crs = crsOf(own, sidecars, srs, findings);
  const geotransform = geotransformOf(own, sidecars, findings);
  const geographic = crs.geographic ?? looksGeographic(geotransform);
  const corners = [apply(geotransform, 0, 0), apply(geotransform, width, height)];
  corners.push(apply(geotransform, width, 0), apply(geotransform, 0, height));
  const lost = geographic ? corners.find(([x, y]) => Math.abs(x) > 541 || Math.abs(y) > 91) : undefined;
  if (lost) {
    throw new Problem(
      'missing_crs',
      `A corner of the image, ${lost.join(', ')} degrees, is not on the globe. ${PLACE}`,
    );
  }
  return { geotransform, epsg: crs.epsg, userCrs: crs.userCrs, geographic, findings };
}

type ChosenCrs = Omit<Crs, 'geographic'> & { geographic: boolean | null };

function crsOf(own: Georeference, sidecars: Sidecars, srs: string | undefined, findings: Finding[]): ChosenCrs {
  const besides = sidecars.wkt ? crsOfWkt(sidecars.wkt) : null;
  const fromAux = besides && sidecars.wktFrom === '.aux.xml' ? besides : null;
  const chosen = srs !== undefined ? crsOfText(srs) : (fromAux ?? own.crs ?? besides);
  if (!chosen) {
    if (!own.hasCrs && !sidecars.wkt) {
      throw new Problem('missing_crs', `The file names no coordinate reference system. ${SUPPLY}`);
    }
    throw new Problem(
      'unknown_crs',
      'The coordinate reference system has no EPSG code and its definition is not understood. ' +
        'Say which it is (--srs EPSG:CODE), or reproject: gdalwarp -t_srs EPSG:CODE INPUT.tif OUTPUT.tif',
    );
  }
  if (srs !== undefined) {
    const instead = own.crs || besides ? ' in place of the one that the file gives' : '';
    findings.push({ code: 'crs_given', severity: 'info', message: `${srs} was given${instead}.` });
  } else if (chosen === besides) {
    const message = `The coordinate reference system was taken from the ${sidecars.wktFrom} file beside the image.`;
    findings.push({ code: 'crs_from_sidecar', severity: 'info', message });
  }
  if (chosen.unknownDatum) {
    const message =
      'The datum of the coordinate reference system is not named. Positions are taken as on WGS 84 without a shift; they may be off by up to some hundred metres.';
    const fix = 'Give the system by its code: --srs EPSG:CODE';
    findings.push({ code: 'unknown_datum', severity: 'warning', message, fix });
  }
  if (chosen.vertical) {
    const message = 'The file names a vertical reference system too; it is not used.';
    findings.push({ code: 'vertical_crs_ignored', severity: 'info', message });
  }
  return chosen;
}

/** Throws Problem bad_request for what cannot be understood as "EPSG:CODE" or WKT 1. */
export function crsOfText(srs: string): ChosenCrs {
  const epsg = epsgCode(srs);
  if (epsg !== null) return { epsg, userCrs: null, geographic: null, unknownDatum: false, vertical: false };
  const crs = crsOfWkt(srs);
  if (crs) return crs;
  throw new Problem('bad_request', `"${srs.slice(0, 80)}" is no coordinate reference system; give one as EPSG:32633.`);
}

/** The code in "EPSG:CODE", or null. */
export function epsgCode(srs: string): number | null {
  const found = /^\s*EPSG:{1,2}(\d{4,6})\s*$/i.exec(srs);
  return found ? Number(found[1]) : null;
}

function geotransformOf(own: Georeference, sidecars: Sidecars, findings: Finding[]): Geotransform {
  if (sidecars.geotransform) {
    const message = 'Where the image lies was taken from the .aux.xml file beside it.';
    findings.push({ code: 'place_from_sidecar', severity: 'info', message });
    return sidecars.geotransform;
  }
  if (own.geotransform) {
    if (own.pixelIsPoint) {
      const message = 'Coordinates are given for pixel centres (PixelIsPoint); half a pixel was taken off.';
      findings.push({ code: 'pixel_is_point', severity: 'info', message });
    }
    return own.geotransform;
  }
  if (own.controlPoints.length > 1) return fitted(own, findings);
  if (sidecars.worldFile) {
    const message = 'Where the image lies was taken from the world file beside it.';
    findings.push({ code: 'place_from_sidecar', severity: 'info', message });
    return sidecars.worldFile;
  }
  throw new Problem('missing_crs', `The file does not place its pixels on the map. ${PLACE}`);
}

function fitted({ controlPoints }: Georeference, findings: Finding[]): Geotransform {
  const fit = fitGeotransform(controlPoints);
  const count = controlPoints.length;
  if (!fit || fit.worstPixels > MOST_RESIDUAL_PIXELS) {
    const why = fit
      ? `do not lie on one straight grid: one is ${fit.worstPixels.toFixed(1)} pixels off (at most ${MOST_RESIDUAL_PIXELS} is taken)`
      : 'do not say how it lies';
    throw new Problem(
      'unsupported_raster',
      `The image is placed by ${count} ground control points that ${why}. Warp it: gdalwarp -t_srs EPSG:CODE INPUT.tif OUTPUT.tif`,
    );
  }
  const message = `The image is placed by ${count} ground control points; a straight grid was fitted to them, which is at most ${fit.worstPixels.toFixed(3)} pixels off.`;
  findings.push({ code: 'ground_control_points', severity: fit.worstPixels > 0.25 ? 'warning' : 'info', message });
  return fit.geotransform;
}
