/** A sample of a map that is wrong in a known way, answered by the truth; and how files are refused. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { AssessmentJson } from '../server/api/index.ts';
import { utmToLonLat } from '../synthetic/town/utm.ts';
import { createTiffWriter } from '../tiler/geotiff/write-tiff.ts';
import { run } from './accuracy.ts';
import { WrongCall } from './arguments.ts';

const [WIDTH, HEIGHT] = [500, 400];
const ORIGIN = [500_000, 5_300_000];
const NAMES = '1=forest,2=field,3=water';
/** In truth the forest ends at column 200; the map has it up to 220, and of the water nothing above row 50. */
const truthAt = (x: number, y: number) => (x < 200 ? 1 : y < 60 ? 3 : 2);
const mapAt = (x: number, y: number) => (x < 220 ? 1 : y < 50 ? 3 : 2);

let folder: string;
const file = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-accuracy-'));
  const writer = await createTiffWriter(file('map.tif'), {
    ...{ width: WIDTH, height: HEIGHT, bands: 1, sampleType: 'uint8', nodata: 255, compression: 'deflate' },
    ...{ overviews: 'none', geotransform: [ORIGIN[0]!, 10, 0, ORIGIN[1]!, 0, -10], epsg: 32633 },
  });
  const pixels = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => mapAt(i % WIDTH, Math.floor(i / WIDTH)));
  await writer.writeRows(HEIGHT, pixels);
  await writer.finish();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function written(...args: string[]): Promise<string> {
  let text = '';
  const out = vi.spyOn(process.stdout, 'write').mockImplementation((part) => {
    text += part;
    return true;
  });
  await run(args).finally(() => out.mockRestore());
  return text;
}

/** Points of a file with the class that is there. */
async function answered(points: string): Promise<string> {
  const rows = (await readFile(points, 'utf8')).trim().split('\r\n').slice(1);
  // Of the grid's corners, between which degrees are near enough to straight.
  const [west, north] = utmToLonLat(33, ORIGIN[0]!, ORIGIN[1]!);
  const [east, south] = utmToLonLat(33, ORIGIN[0]! + 10 * WIDTH, ORIGIN[1]! - 10 * HEIGHT);
  const seen = rows.map((row) => {
    const [plot, lon, lat] = row.split(',').map(Number) as [number, number, number];
    const x = Math.floor(((lon - west) / (east - west)) * WIDTH);
    const y = Math.floor(((lat - north) / (south - north)) * HEIGHT);
    return `${plot},${lon},${lat},ada@example.org,${['', 'Forest', 'field', '3'][truthAt(x, y)]}`;
  });
  return `plotid,lon,lat,email,"What do you see?"\n${seen.join('\n')}\n`;
}

test('areas come out right that the pixels of the map have wrong', async () => {
  const said = await written('sample', file('map.tif'), file('points.csv'), '--size', '400', '--seed', '7');
  expect(said).toBe(
    `${file('points.csv')}: 400 points of 3 classes, drawn with --seed 7; the overall accuracy will be known to about ± 3.5 %\n`,
  );
  await writeFile(file('answers.csv'), await answered(file('points.csv')));
  const options = ['--names', NAMES, '--column', 'what do you see?'];
  const found: AssessmentJson = JSON.parse(
    await written('estimate', file('map.tif'), file('answers.csv'), ...options, '--json'),
  );
  expect(found.answered).toBe(400);
  const truth = { forest: 200 * 400, field: 300 * 340, water: 300 * 60 };
  const naive = { forest: 220 * 400, field: 280 * 350, water: 280 * 50 };
  expect(found.total_m2 / (WIDTH * HEIGHT * 100)).toBeCloseTo(1 / 0.9996 ** 2, 4); // UTM is smaller in its middle
  for (const each of found.classes) {
    const name = each.class as keyof typeof truth;
    const share = truth[name] / (WIDTH * HEIGHT);
    expect(each.mapped_share).toBeCloseTo(naive[name] / (WIDTH * HEIGHT), 6);
    expect(each.area_share.lower).toBeLessThan(share);
    expect(each.area_share.upper).toBeGreaterThan(share);
  }
  const text = await written('estimate', file('map.tif'), file('answers.csv'), ...options);
  expect(text).toContain('forest');
  expect(text).toContain('Olofsson et al. (2014)');
});

test('points are apart, as GeoJSON too', async () => {
  await written('sample', file('map.tif'), file('points.geojson'), '--size', '150', '--seed', '1', '--apart', '100');
  const { features } = JSON.parse(await readFile(file('points.geojson'), 'utf8'));
  expect(features).toHaveLength(150);
  const metres = features.map(({ geometry }: { geometry: { coordinates: [number, number] } }) => {
    const [lon, lat] = geometry.coordinates;
    return [lon * 111_320 * Math.cos((47.84 * Math.PI) / 180), lat * 111_200];
  });
  const nearest = metres.flatMap(([x, y]: number[], i: number) =>
    metres.slice(0, i).map(([u, v]: number[]) => Math.hypot(x! - u!, y! - v!)),
  );
  expect(Math.min(...nearest)).toBeGreaterThan(99);
});

test.each([
  ['--size', '0'],
  ['--expected', '85'],
  ['--seed', '1.5'],
  ['--apart', 'near'],
])('%s %s is a wrong call', async (option, value) => {
  await expect(written('sample', file('map.tif'), file('none.csv'), option, value)).rejects.toThrow(WrongCall);
});

test.each([
  ['no column of classes', 'plotid,lon,lat\n1,15,47\n', /has no column/],
  ['a point off the map', 'lon,lat,class\n16,40,forest\n', /where the map has no class/],
  ['a row without a place', 'plotid,class\n1,forest\n', /"lon" and "lat"/],
  ['an open quote', 'lon,lat,class\n15,47,"forest\n', /no CSV/],
  ['too few answers', 'lon,lat,class\n15.01,47.84,forest\n', /Two points at least/],
])('%s is said', async (_what, text, sentence) => {
  await writeFile(file('bad.csv'), text);
  await expect(written('estimate', file('map.tif'), file('bad.csv'), '--names', NAMES)).rejects.toThrow(sentence);
});
