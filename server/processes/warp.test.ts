/** Imagery tiles beside GDAL's warp: the same overview, bilinear, no approximation of the transformation. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { judge, pythonWithJudges } from '../../test/support/python.ts';
import type { Geotransform } from '../../tiler/crs/geotransform.ts';
import { createTiffWriter } from '../../tiler/geotiff/write-tiff.ts';
import { chooseLevel, renderMapTile } from '../../tiler/rendering/map-tile.ts';
import { pixelsPerTilePixel } from '../../tiler/rendering/warp.ts';
import { openScene } from '../../tiler/working-copy/open-scene.ts';
import { controlCells } from '../http/native/raster-tiles.ts';
import type { Database } from '../store/database/database.ts';
import { openDatabase } from '../store/database/open-database.ts';
import { georeference, tileControlGrid } from '../store/tables/georeference.ts';
import { mercatorX, mercatorY, nativeZoom } from '../tiles/web-mercator.ts';

/** Of 255. */
const NEAR = 2;
const NEAR_SHARE = 0.999;

const WARP = `
import base64, json, math, sys, numpy, rasterio
from rasterio.warp import reproject, Resampling
out = []
half = math.pi * 6378137
for case in json.load(sys.stdin):
    level = {} if case['level'] == 0 else {'overview_level': case['level'] - 1}
    side, size = 2 * half / 2 ** case['z'], case['size']
    left, top = case['x'] * side - half, half - case['y'] * side
    transform = rasterio.Affine(side / size, 0, left, 0, -side / size, top)
    with rasterio.open(case['path'], **level) as d:
        tile = numpy.zeros((4, size, size), 'uint8')
        source = numpy.concatenate([d.read(), d.dataset_mask()[None]])
        reproject(source[:3], tile[:3], src_transform=d.transform, src_crs=d.crs, dst_transform=transform, dst_crs='EPSG:3857',
                  resampling=Resampling.bilinear, tolerance=0, num_threads=1, **case['options'])
        reproject(source[3], tile[3], src_transform=d.transform, src_crs=d.crs, dst_transform=transform, dst_crs='EPSG:3857',
                  resampling=Resampling.nearest, tolerance=0, num_threads=1)
    out.append(base64.b64encode(tile.transpose(1, 2, 0).tobytes()).decode())
json.dump(out, sys.stdout)
`;

const SCENES: { name: string; epsg: number; geotransform: Geotransform }[] = [
  { name: 'UTM', epsg: 32640, geotransform: [326_000, 0.5, 0, 2_784_000, 0, -0.5] },
  { name: 'UTM, far north', epsg: 32633, geotransform: [300_000, 0.5, 0, 7_700_000, 0, -0.5] },
  { name: 'rotated UTM', epsg: 32632, geotransform: [650_000, 0.26, 0.15, 5_300_000, 0.15, -0.26] },
  { name: 'geographic', epsg: 4326, geotransform: [85.3, 4e-6, 0, 27.7, 0, -4e-6] },
  { name: 'Web Mercator', epsg: 3857, geotransform: [1_488_000, 0.597164, 0, 6_900_000, 0, -0.597164] },
  { name: 'Lambert, France', epsg: 2154, geotransform: [652_000, 0.2, 0, 6_862_000, 0, -0.2] },
];
const [WIDTH, HEIGHT] = [1500, 1100];

let db: Database;
let folder: string;
beforeAll(async () => {
  db = await openDatabase({});
  folder = await mkdtemp(join(tmpdir(), 'warp-'));
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true });
});

/** Slopes, roofs with sharp edges, and grain. */
function picture(): Uint8Array {
  const pixels = new Uint8Array(WIDTH * HEIGHT * 3);
  let state = 7;
  for (let i = 0; i < pixels.length; i++) {
    const [x, y, band] = [Math.floor(i / 3) % WIDTH, Math.floor(i / 3 / WIDTH), i % 3];
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const slope = 110 + 60 * Math.sin(x / 37 + band) * Math.cos(y / 53 - band);
    const roof = (x >> 5) % 3 === 0 && (y >> 4) % 4 === 0 ? 50 : 0;
    pixels[i] = slope + roof + (state >>> 27);
  }
  return pixels;
}

test('imagery tiles are those of gdalwarp', async () => {
  const python = pythonWithJudges();
  if (!python) return;
  const pixels = picture();
  const cases: { name: string; request: object; tile: Buffer }[] = [];
  for (const [i, { name, epsg, geotransform }] of SCENES.entries()) {
    const path = join(folder, `${i}.tif`);
    const writer = await createTiffWriter(path, {
      ...{ width: WIDTH, height: HEIGHT, bands: 3, compression: 'zstd', geotransform, epsg, overviews: 'average' },
      geographic: epsg === 4326,
    });
    await writer.writeRows(HEIGHT, pixels);
    await writer.finish();
    const raster = await openScene(path);
    const scene = { epsg, geotransform, width: WIDTH, height: HEIGHT, geographic: epsg === 4326 };
    const place = await georeference(db, scene);
    const [west, south, east, north] = place.bbox;
    const native = nativeZoom(Math.sqrt(place.gsdMetres.x * place.gsdMetres.y), place.bbox);
    for (const [z, size] of [
      [native - 3, 256],
      [native - 1, 256],
      [native, 256],
      [native, 512],
      [native + 2, 256],
    ]) {
      const x = Math.floor(mercatorX((west + east) / 2) * 2 ** z);
      const y = Math.floor(mercatorY((south + north) / 2) * 2 ** z);
      const grid = await tileControlGrid(db, scene, z, x, y, controlCells(z));
      const image = await renderMapTile(raster, grid, size, 'png');
      const { level, grid: levelGrid } = chooseLevel(raster, grid, size);
      const scale = pixelsPerTilePixel(levelGrid, size);
      const options = { XSCALE: 1 / scale.x, YSCALE: 1 / scale.y };
      const tile = await sharp(image!).ensureAlpha().raw().toBuffer();
      cases.push({
        name: `${name} at zoom ${z}, ${size} pixels, level ${level}`,
        request: { path, level, z, x, y, size, options },
        tile,
      });
    }
    await raster.close();
  }
  const warped = judge<string[]>(
    python,
    WARP,
    cases.map(({ request }) => request),
  );
  const shares = cases.map(({ name, tile }, i) => {
    const expected = Buffer.from(warped[i], 'base64');
    let covered = 0;
    let near = 0;
    for (let at = 0; at < tile.length; at += 4) {
      if (tile[at + 3] === 0 && expected[at + 3] === 0) continue;
      covered++;
      const differs = [0, 1, 2].some((band) => Math.abs(tile[at + band] - expected[at + band]) > NEAR);
      if (tile[at + 3] === expected[at + 3] && !differs) near++;
    }
    return { name, share: near / covered };
  });
  expect(shares.filter(({ share }) => share < NEAR_SHARE)).toEqual([]);
}, 120_000);
