/**
 * The demo scene: a seeded, procedural town that looks like an aerial photograph, with its exact class map, road centre
 * lines and building footprints. Any size, written band by band; every pixel is a function of seed and position.
 */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { apply, type Geotransform } from '../../tiler/crs/geotransform.ts';
import { createTiffWriter } from '../../tiler/geotiff/write-tiff.ts';
import { makeFrame } from './frame.ts';
import { makePalette } from './palette.ts';
import { type Bounds, type Building, boundsOf, type District, overlaps, type Road, toGround } from './plan.ts';
import { renderBand } from './render.ts';
import { utmToLonLat } from './utm.ts';

export interface TownOptions {
  seed: number;
  /** Pixels. */
  width: number;
  height: number;
  /** Default 0.5. */
  gsdMetres?: number;
  /** Main roads of one direction get two carriageways with a median of 5 m. Default false. */
  dualCarriageways?: boolean;
}

const UTM_ZONE = 33;
const EPSG = 32633;
/** Where the made-up town lies: its upper left corner, east of Krems on the Danube, say. */
const ORIGIN = [530000, 5360000] as const;
const BAND_ROWS = 256;

/** Codes: 0 other, 1 building, 2 road, 3 vegetation, 4 water. */
const PALETTE = [
  [205, 193, 170],
  [200, 60, 50],
  [90, 90, 100],
  [90, 160, 70],
  [60, 120, 200],
] as const;

/**
 * Writes `image.tif` (RGB), `truth.tif` (class codes on the same grid, nodata 255), `roads.geojson` (centre lines with
 * `class` and `width_m`) and `buildings.geojson` (roof outlines with `height_m`, a house each also where they stand in rows) into a folder, which is made when it is
 * missing. The rasters are in UTM zone 33N, the features in longitude and latitude; features are those that reach into
 * the scene, not cut at its edge. Returns the four paths.
 */
export async function writeTown(
  folder: string,
  options: TownOptions,
  onProgress: (share: number) => void = () => {},
): Promise<{ image: string; truth: string; roads: string; buildings: string }> {
  const { seed, width, height, gsdMetres = 0.5, dualCarriageways = false } = options;
  await mkdir(folder, { recursive: true });
  const paths = {
    image: join(folder, 'image.tif'),
    truth: join(folder, 'truth.tif'),
    roads: join(folder, 'roads.geojson'),
    buildings: join(folder, 'buildings.geojson'),
  };
  const geotransform: Geotransform = [ORIGIN[0], gsdMetres, 0, ORIGIN[1], 0, -gsdMetres];
  const layout = { width, height, compression: 'deflate', geotransform, epsg: EPSG } as const;
  const image = await createTiffWriter(paths.image, { ...layout, bands: 3, overviews: 'average' });
  const truth = await createTiffWriter(paths.truth, {
    ...layout,
    bands: 1,
    nodata: 255,
    palette: PALETTE,
    overviews: 'majority',
  });
  const roads = await openCollection(paths.roads);
  const buildings = await openCollection(paths.buildings);
  try {
    const frame = makeFrame(seed, dualCarriageways);
    const look = makePalette(seed);
    const scene: Bounds = { x0: 0, y0: 0, x1: width * gsdMetres, y1: height * gsdMetres };
    let known: ReadonlyMap<string, District> = new Map();
    for (let row = 0; row < height; row += BAND_ROWS) {
      const rows = Math.min(BAND_ROWS, height - row);
      const band = renderBand(frame, look, gsdMetres, width, row, rows, known);
      await Promise.all([image.writeRows(rows, band.image), truth.writeRows(rows, band.classes)]);
      for (const [key, district] of band.districts) {
        if (known.has(key)) continue;
        for (const road of district.roads) if (overlaps(boundsOf(road.line), scene)) await roads.add(roadFeature(road));
        for (const building of district.buildings) {
          for (const outline of housesOf(building)) {
            const feature = buildingFeature(building, outline, scene);
            if (feature) await buildings.add(feature);
          }
        }
      }
      known = band.districts;
      onProgress((row + rows) / height);
    }
    await Promise.all([image.finish(), truth.finish(), roads.close(), buildings.close()]);
  } catch (error) {
    await Promise.all([image.abort(), truth.abort(), roads.close(), buildings.close()]);
    throw error;
  }
  return paths;
}

function roadFeature(road: Road): object {
  return {
    type: 'Feature',
    geometry: { type: 'LineString', coordinates: positions(road.line) },
    properties: { class: road.kind, width_m: road.widthMetres, bridge: road.bridge },
  };
}

/** The outlines of a building's houses: those of a row from firewall to firewall, else the building's own. */
export function housesOf(building: Building): number[][][] {
  const { unitMetres, parts, outline } = building;
  const [{ p0, p1, q0, q1 }] = parts;
  const houses = unitMetres > 0 ? Math.round((p1 - p0) / unitMetres) : 1;
  if (houses < 2) return [outline];
  return Array.from({ length: houses }, (_, house) => {
    const from = p0 + house * unitMetres;
    const to = house === houses - 1 ? p1 : from + unitMetres;
    return [[from, q0, to, q0, to, q1, from, q1]];
  });
}

function buildingFeature(building: Building, outline: number[][], scene: Bounds): object | null {
  const rings = outline.map((ring) => {
    const onGround: number[] = [];
    for (let k = 0; k < ring.length; k += 2) onGround.push(...toGround(building, ring[k], ring[k + 1]));
    return onGround;
  });
  if (!overlaps(boundsOf(rings[0]), scene)) return null;
  // The shell counter-clockwise, holes clockwise (RFC 7946).
  const coordinates = rings.map((ring, index) => {
    const line = positions(ring);
    line.push(line[0]);
    return signedArea(line) > 0 === (index === 0) ? line : line.reverse();
  });
  return {
    type: 'Feature',
    geometry: { type: 'Polygon', coordinates },
    properties: { height_m: Math.round(building.heightMetres * 10) / 10 },
  };
}

/** Ground metres from the scene's corner to longitude and latitude, to about a centimetre. */
function positions(line: readonly number[]): [number, number][] {
  const coordinates: [number, number][] = [];
  for (let k = 0; k < line.length; k += 2) {
    const [easting, northing] = apply([ORIGIN[0], 1, 0, ORIGIN[1], 0, -1], line[k], line[k + 1]);
    const [lon, lat] = utmToLonLat(UTM_ZONE, easting, northing);
    coordinates.push([Math.round(lon * 1e7) / 1e7, Math.round(lat * 1e7) / 1e7]);
  }
  return coordinates;
}

function signedArea(ring: readonly (readonly [number, number])[]): number {
  let sum = 0;
  for (let k = 1; k < ring.length; k++) sum += ring[k - 1][0] * ring[k][1] - ring[k][0] * ring[k - 1][1];
  return sum / 2;
}

/** A GeoJSON FeatureCollection written feature by feature. */
async function openCollection(path: string) {
  const stream = createWriteStream(path);
  let separator = '{"type":"FeatureCollection","features":[\n';
  const write = async (text: string) => {
    if (!stream.write(text)) await once(stream, 'drain');
  };
  return {
    async add(feature: object) {
      await write(separator + JSON.stringify(feature));
      separator = ',\n';
    },
    async close() {
      stream.end(separator.startsWith('{') ? `${separator}]}\n` : '\n]}\n');
      await finished(stream);
    },
  };
}
