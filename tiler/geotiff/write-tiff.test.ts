/** What the writer writes, GDAL reads: every level, mask, nodata, palette, CRS and place; and our reader reads it too. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { judge, pythonWithJudges } from '../../test/support/python.ts';
import { BASE, PALETTE } from '../../test/support/tiff.ts';
import { openRaster } from './raster.ts';
import { wholeOf } from './window.ts';
import { createTiffWriter, sparsePath, type TiffLayout } from './write-tiff.ts';

const CASES: { name: string; layout: TiffLayout; classicLimitBytes?: number }[] = [
  { name: 'rgb', layout: { ...BASE, width: 1537, height: 1203, tileSize: 256 } },
  { name: 'rgb-mask-deflate', layout: { ...BASE, width: 1030, height: 513, mask: true, compression: 'deflate' } },
  { name: 'big', layout: { ...BASE, width: 1537, height: 700, mask: true, tileSize: 128 }, classicLimitBytes: 1000 },
  { name: 'nodata', layout: { ...BASE, width: 900, height: 1100, nodata: 0, tileSize: 64 } },
  {
    name: 'classes',
    layout: { ...BASE, width: 1501, height: 999, bands: 1, nodata: 255, palette: PALETTE, overviews: 'majority' },
  },
  { name: 'scores', layout: { ...BASE, width: 700, height: 2050, bands: 1, nodata: 0 } },
  { name: 'one-pixel', layout: { ...BASE, mask: true } },
  { name: 'one-row', layout: { ...BASE, width: 3000, mask: true, compression: 'deflate' } },
  { name: 'five-bands', layout: { ...BASE, width: 200, height: 100, bands: 5, overviews: 'none' } },
  {
    name: 'geographic',
    layout: { ...BASE, width: 64, height: 64, epsg: 4326, geotransform: [85.5, 1e-6, 0, 27.6, 0, -2e-6] },
  },
  {
    name: 'geographic-said',
    layout: {
      ...BASE,
      width: 64,
      height: 64,
      epsg: 7844,
      geographic: true,
      geotransform: [140, 1e-6, 0, -30, 0, -2e-6],
    },
  },
  { name: 'projected-4509', layout: { ...BASE, width: 64, height: 64, epsg: 4509 } },
  {
    name: 'rotated',
    layout: {
      ...BASE,
      width: 600,
      height: 600,
      geotransform: [1, 0.4, 0.3, 2, 0.3, -0.4],
      metadata: { UNIT: 'a<b & "c"' },
    },
  },
];

/** GDAL's view of a file, each level as the plain bytes of its pixels and of its mask. */
const READ = `
import base64, json, sys, rasterio
from rasterio.shutil import copy
out = []
for path in json.load(sys.stdin):
    with rasterio.open(path) as d:
        count = len(d.overviews(1))
        entry = dict(epsg=d.crs.to_epsg(), transform=list(d.transform.to_gdal()), nodata=d.nodata, tags=d.tags(),
                     overviews=d.overviews(1), tiled=d.profile['tiled'], block=d.profile['blockxsize'], levels=[],
                     flags=[f.name for f in d.mask_flag_enums[0]], compression=d.profile['compress'], geographic=d.crs.is_geographic,
                     palette=[d.colormap(1)[i] for i in range(3)] if d.colorinterp[0].name == 'palette' else None)
    for level in [None, *range(count)]:
        with rasterio.open(path, **({} if level is None else {'overview_level': level})) as d:
            entry['levels'].append(dict(
                size=[d.width, d.height],
                pixels=base64.b64encode(d.read().transpose(1, 2, 0).tobytes()).decode(),
                mask=base64.b64encode(d.dataset_mask().tobytes()).decode()))
    out.append(entry)
json.dump(out, sys.stdout)
`;

interface GdalView {
  epsg: number;
  transform: number[];
  nodata: number | null;
  tags: Record<string, string>;
  overviews: number[];
  tiled: boolean;
  block: number;
  flags: string[];
  compression: string;
  geographic: boolean;
  palette: number[][] | null;
  levels: { size: [number, number]; pixels: string; mask: string }[];
}

function scene({ width, height, bands, nodata, palette, mask }: TiffLayout) {
  const pixels = new Uint8Array(width * height * bands);
  const valid = new Uint8Array(width * height);
  for (let i = 0; i < valid.length; i++) {
    const x = i % width;
    const y = Math.floor(i / width);
    valid[i] = (mask || nodata !== undefined) && ((x >> 3) + (y >> 2)) % 5 === 0 ? 0 : 1;
    for (let band = 0; band < bands; band++) {
      const value = palette ? ((x * y) >> 4) % 3 : 1 + (((x * (band + 3)) ^ (y * 7)) % 254);
      pixels[i * bands + band] = valid[i] ? value : (nodata ?? 0);
    }
  }
  return { pixels, valid };
}

/** The next level by definition: mean (half up) or first most frequent value of the valid ones among 2×2. */
function halve(level: Level, { bands, overviews, nodata, mask }: TiffLayout): Level {
  const width = Math.ceil(level.width / 2);
  const height = Math.ceil(level.height / 2);
  const next: Level = {
    width,
    height,
    pixels: new Uint8Array(width * height * bands),
    valid: new Uint8Array(width * height),
  };
  for (let i = 0; i < width * height; i++) {
    const x = 2 * (i % width);
    const y = 2 * Math.floor(i / width);
    // The last column or row of an odd size stands for both.
    const right = Math.min(x + 1, level.width - 1);
    const below = Math.min(y + 1, level.height - 1);
    const all = [y * level.width + x, y * level.width + right, below * level.width + x, below * level.width + right];
    const sources = all.filter((at) => level.valid[at]);
    next.valid[i] = sources.length > 0 ? 1 : 0;
    for (let band = 0; band < bands; band++) {
      const values = sources.map((at) => level.pixels[at * bands + band]);
      const votes = (value: number) => values.filter((other) => other === value).length;
      const best = values.reduce((a, b) => (votes(b) > votes(a) ? b : a), values[0]);
      const mean = Math.floor(values.reduce((a, b) => a + b, 0) / values.length + 0.5);
      const missing = mask ? level.pixels[all[0] * bands + band] : (nodata ?? 0);
      next.pixels[i * bands + band] = values.length === 0 ? missing : overviews === 'majority' ? best : mean;
    }
  }
  return next;
}

interface Level {
  width: number;
  height: number;
  pixels: Uint8Array;
  valid: Uint8Array;
}

async function write(path: string, layout: TiffLayout, level: Level, classicLimitBytes?: number) {
  const writer = await createTiffWriter(path, layout, {
    ...(classicLimitBytes !== undefined && { classicLimitBytes }),
  });
  for (let y = 0, step = 1; y < layout.height; y += step, step = 1 + ((step * 37) % 300)) {
    const end = Math.min(layout.height, y + step);
    const pixels = level.pixels.subarray(y * layout.width * layout.bands, end * layout.width * layout.bands);
    const valid = level.valid.subarray(y * layout.width, end * layout.width);
    await writer.writeRows(end - y, pixels, ...(layout.mask ? [valid] : []));
  }
  await writer.finish();
}

test('GDAL and our reader get back what was written, at every level', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'write-tiff-'));
  try {
    const paths = CASES.map(({ name }) => join(folder, `${name}.tif`));
    const pyramids: Level[][] = [];
    for (const [i, { layout, classicLimitBytes }] of CASES.entries()) {
      const levels: Level[] = [{ width: layout.width, height: layout.height, ...scene(layout) }];
      await write(paths[i], layout, levels[0], classicLimitBytes);
      while (layout.overviews !== 'none' && Math.max(levels.at(-1)!.width, levels.at(-1)!.height) > 512) {
        levels.push(halve(levels.at(-1)!, layout));
      }
      pyramids.push(levels);
    }
    expect((await readdir(folder)).sort(), 'nothing else').toEqual(CASES.map(({ name }) => `${name}.tif`).sort());

    for (const [i, { name, layout }] of CASES.entries()) {
      const raster = await openRaster(paths[i]);
      expect(raster, name).toMatchObject({ epsg: layout.epsg, geotransform: layout.geotransform, bands: layout.bands });
      expect(raster.nodata, name).toBe(layout.nodata ?? null);
      expect(raster.levels, name).toEqual(pyramids[i].map(({ width, height }) => ({ width, height })));
      for (const [level, { width, height, pixels, valid }] of pyramids[i].entries()) {
        const window = await raster.read(level, { x: 0, y: 0, width, height });
        expect(Buffer.compare(window.pixels, pixels), `${name}, level ${level}`).toBe(0);
        expect(Buffer.compare(window.valid, valid), `${name}, mask of level ${level}`).toBe(0);
      }
      await raster.close();
    }
    const magic = (await readFile(join(folder, 'big.tif'))).readUInt16LE(2);
    expect(magic).toBe(43);

    const python = pythonWithJudges();
    if (!python) return;
    for (const [i, view] of judge<GdalView[]>(python, READ, paths).entries()) {
      const { name, layout } = CASES[i];
      const [x0, a, b, y0, c, d] = layout.geotransform;
      expect(view, name).toMatchObject({
        epsg: layout.epsg,
        nodata: layout.nodata ?? null,
        compression: layout.compression,
      });
      expect(view, name).toMatchObject({ transform: [x0, a, b, y0, c, d], block: layout.tileSize ?? 512 });
      expect(view.geographic, name).toBe(name.startsWith('geographic'));
      expect(view.overviews, name).toEqual(pyramids[i].slice(1).map((_, level) => 2 ** (level + 1)));
      expect(view.palette, name).toEqual(layout.palette ? PALETTE.map((colour) => [...colour, 255]) : null);
      if (layout.metadata) expect(view.tags, name).toMatchObject(layout.metadata);
      for (const [level, expected] of pyramids[i].entries()) {
        const got = view.levels[level];
        expect(got.size, name).toEqual([expected.width, expected.height]);
        expect(Buffer.compare(Buffer.from(got.pixels, 'base64'), expected.pixels), `${name}, level ${level}`).toBe(0);
        const mask = expected.valid.map((valid) => valid * 255);
        expect(Buffer.compare(Buffer.from(got.mask, 'base64'), mask), `${name}, mask of level ${level}`).toBe(0);
      }
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}, 180_000);

test('nothing is left behind, and nothing half written stands at the path', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'write-tiff-'));
  try {
    const path = join(folder, 'a.tif');
    const layout: TiffLayout = { ...BASE, width: 2000, height: 1500, mask: true };
    const writer = await createTiffWriter(path, layout);
    await writer.writeRows(700, new Uint8Array(2000 * 700 * 3), new Uint8Array(2000 * 700));
    await expect(writer.finish()).rejects.toThrow('expected 1500 rows, got 700');
    expect(await readdir(folder)).not.toContain('a.tif');
    await writer.abort();
    await writer.abort();
    expect(await readdir(folder)).toEqual([]);
    await expect(createTiffWriter(join(folder, 'no', 'a.tif'), layout)).rejects.toThrow('ENOENT');
    await expect(createTiffWriter(path, { ...layout, overviews: 'majority' })).rejects.toThrow('got 3');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.each([
  ['a class map', { ...BASE, bands: 1, nodata: 255, palette: PALETTE, overviews: 'majority', compression: 'deflate' }],
  ['a map of scores', { ...BASE, bands: 1, nodata: 0 }],
  ['a scene', { ...BASE, mask: true }],
] as const)('%s can be read as far as it is written, and becomes the same file', async (_what, base) => {
  const folder = await mkdtemp(join(tmpdir(), 'write-tiff-'));
  try {
    const layout: TiffLayout = { ...base, width: 1300, height: 1111, tileSize: 256 };
    const { width, height, bands, mask } = layout;
    const { pixels, valid } = scene(layout);
    const [path, plain] = [join(folder, 'a.tif'), join(folder, 'plain.tif')];
    const write = async (to: string, growing: boolean, afterRows: (rows: number) => Promise<void>) => {
      const writer = await createTiffWriter(to, layout, { growing });
      for (let y = 0, rows = 0; y < height; y += rows) {
        rows = Math.min(height - y, y % 3 === 0 ? 256 : 200);
        const band = pixels.subarray(y * width * bands, (y + rows) * width * bands);
        await writer.writeRows(rows, band, ...(mask ? [valid.subarray(y * width, (y + rows) * width)] : []));
        await afterRows(y + rows);
      }
      await writer.finish();
    };
    await write(plain, false, async () => {});
    const whole = await openRaster(plain);
    await write(path, true, async (rows) => {
      const growing = await openRaster(sparsePath(path));
      for (const [level, size] of growing.levels.entries()) {
        const expected = await whole.read(level, wholeOf(size));
        const got = await growing.read(level, wholeOf(size));
        const complete = rows === height ? size.height : Math.floor(rows / 2 ** level);
        const end = complete * size.width;
        const same = (a: Uint8Array, b: Uint8Array, count: number) =>
          Buffer.compare(a.subarray(0, count), b.subarray(0, count)) === 0;
        expect(same(got.pixels, expected.pixels, end * bands), `pixels of level ${level} after ${rows} rows`).toBe(
          true,
        );
        expect(same(got.valid, expected.valid, end), `mask of level ${level} after ${rows} rows`).toBe(true);
        expect(got.valid.subarray(end).includes(1), `level ${level} below row ${complete}`).toBe(false);
      }
      await growing.close();
    });
    await whole.close();
    expect(await readdir(folder)).toEqual(['a.tif', 'plain.tif']);
    expect((await readFile(path)).equals(await readFile(plain))).toBe(true);
  } finally {
    await rm(folder, { recursive: true });
  }
});
