import { expect, test } from 'vitest';
import { listNetworks } from '../../models/registry.ts';
import type { BandStatistics, Content } from '../../tiler/ingest/image-statistics.ts';
import { chooseModel, fitOf } from '../networks/choose-network.ts';
import { parseParameters, sceneView } from './job-parameters.ts';
import { networkView } from './network-view.ts';
import { preflight, type SceneFacts } from './preflight.ts';

const BAND: BandStatistics = { min: 0, max: 255, mean: 100, percentiles: [3, 60, 100, 140, 250], histogram: [1, 2] };

function scene(changes: Partial<SceneFacts> = {}, content: Partial<Content> = {}): SceneFacts {
  return {
    width: 4000,
    height: 3000,
    geotransform: [500_000, 0.5, 0, 5_000_000, 0, -0.5],
    gsdMetres: { x: 0.5, y: 0.5 },
    dtype: 'uint8',
    bandNames: [null, null, null, null],
    rendering: { bands: [1, 2, 3], ranges: null },
    findings: [],
    look: {
      sampled: 100,
      valid: 100,
      bands: [BAND, BAND, BAND, null],
      content: { kind: 'imagery', colours: 9000, flatShare: 0.01, commonestShare: 0.02, contrast: 200, ...content },
    },
    ...changes,
  };
}

const codes = async (facts: SceneFacts) =>
  (await preflight(facts, await listNetworks())).findings.map(({ code }) => code);

test('findings say what a job request can do, and the request is one that is accepted', async () => {
  expect(await codes(scene())).toEqual([]);
  expect(await codes(scene({}, { kind: 'few_colours' }))).toEqual(['not_imagery']);
  expect(await codes(scene({}, { contrast: 12 }))).toEqual(['low_contrast']);
  expect(await codes(scene({ validShare: 0.1 }))).toEqual(['mostly_nodata']);
  const empty = scene({}, { contrast: 0 });
  expect(await codes({ ...empty, look: { ...empty.look, valid: 0 } })).toEqual(['mostly_nodata']);
  const huge = { width: 4e6, height: 4e6, freeBytes: 12 * 2 ** 30 };
  expect((await preflight(scene(huge), await listNetworks())).findings.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^A map of this image takes about \d+\.\d GiB; 12\.0 GiB are free\.$/),
  ]);
  expect(await codes(scene({ gsdMetres: { x: 30, y: 30 } }))).toEqual(['too_coarse']);
  const said = [
    { code: 'band_order_assumed', severity: 'info' as const, message: '' },
    { code: 'scaled_to_8bit', severity: 'info' as const, message: '' },
  ];
  const ranges: [[number, number], [number, number], [number, number]] = [
    [10, 900],
    [20, 800],
    [30, 700],
  ];
  const facts = scene({ findings: said, rendering: { bands: [1, 2, 3], ranges } }, { contrast: 12 });
  const { findings } = await preflight(facts, await listNetworks());
  expect(findings.map(({ job }) => job)).toEqual([
    { parameters: { bands: [3, 2, 1] } },
    { parameters: { stretch: { low: [10, 20, 30], high: [900, 800, 700] } } },
    { parameters: { stretch: 'percentile' } },
  ]);
  for (const { job } of findings)
    expect(() => sceneView(parseParameters(job!.parameters), facts.bandNames)).not.toThrow();
});

test('each network says whether it suits and what it costs', async () => {
  const { models, model, band_values } = await preflight(scene(), await listNetworks());
  const landuse = models.find(({ id }) => id === 'landuse-unet')!;
  expect(landuse).toMatchObject({ suitable: true, chips: 2 * 2 });
  for (const cost of [landuse.minutes, landuse.memory_bytes, landuse.disk_bytes]) expect(cost).toBeGreaterThan(0);
  expect(model!.id).toBe('landuse-unet');
  expect(band_values.map(({ used_for }) => used_for)).toEqual([['red'], ['green'], ['blue'], []]);
});

test('a picture that is no imagery suits no network, and a gray one suits with a caveat', async () => {
  const networks = await listNetworks();
  const mask = await preflight(scene({}, { kind: 'few_colours' }), networks);
  expect(mask.models.map(({ suitable, reason }) => suitable || !reason.includes('map or a scan'))).not.toContain(true);
  const gray = await preflight(scene({ rendering: { bands: [1, 1, 1], ranges: null } }), networks);
  const landuse = gray.models.find(({ id }) => id === 'landuse-unet')!;
  expect([landuse.suitable, landuse.reason.includes('gray')]).toEqual([true, true]);
});

const LANDUSE = { id: 'landuse-unet', gsd_m: 1, classes: [{ name: 'other' }, { name: 'building' }, { name: 'road' }] };
const BUILDINGS = {
  id: 'buildings-unet',
  gsd_m: 0.3,
  gsd_range_m: [0.1, 0.6] as [number, number],
  classes: [{ name: 'building' }],
};
const COARSE = { id: 'satellite', gsd_m: 10, classes: [{ name: 'water' }] };

test('the network is chosen by pixel size: the default as long as it suits, and finer ones are mentioned', () => {
  const models = [BUILDINGS, COARSE, LANDUSE];
  const choose = (gsd: number) => chooseModel(gsd, models)!;
  expect([0.05, 0.3, 1, 3].map((gsd) => choose(gsd).id)).toEqual(Array(4).fill('landuse-unet'));
  expect(choose(0.3).reason).toContain('buildings-unet sees pixels of 0.3 m');
  expect(choose(1).reason).toBe('landuse-unet maps building and road and suits pixels of 1 m.');
  expect(choose(8).id).toBe('satellite');
  expect(choose(100)).toMatchObject({ id: 'landuse-unet', reason: expect.stringContaining('No network suits') });
  expect(fitOf(0.7, BUILDINGS).suitable).toBe(false);
  expect(fitOf(0.05, BUILDINGS).suitable).toBe(true);
  expect(chooseModel(1, [])).toBeNull();
});

test('bands and stretch are parsed, resolved by name, and refused with what would be right', () => {
  const names = ['B02', 'B03', 'B04', null];
  const view = (given: object) => sceneView(parseParameters(given), names);
  expect(view({})).toBeNull();
  expect(view({ bands: ['b04', 2, 'B02'] })).toEqual({ bands: [3, 2, 1] });
  expect(view({ bands: [4] })).toEqual({ bands: [4, 4, 4] });
  expect(view({ stretch: { low: 0, high: 2047 } })).toEqual({
    stretch: [
      [0, 2047],
      [0, 2047],
      [0, 2047],
    ],
  });
  expect(view({ stretch: 'none' })).toEqual({ stretch: 'none' });
  expect(() => view({ bands: [5, 2, 1] })).toThrow('1 (B02), 2 (B03), 3 (B04), 4.');
  expect(() => view({ bands: ['nir', 2, 1] })).toThrow('no band "nir"');
  const refused: object[] = [{ bands: [] }, { bands: [0, 1, 2] }, { bands: 'rgb' }, { bands: [1.5, 1, 1] }];
  refused.push({ stretch: 'auto' }, { stretch: { low: 5, high: 5 } }, { stretch: { low: [1, 2], high: [3] } });
  refused.push({ stretch: { low: 0 } }, { bands: null }, { stretch: { low: 0, high: 1, mid: 3 } });
  for (const given of refused) expect(() => parseParameters(given), JSON.stringify(given)).toThrow('The parameter');
  expect(Object.keys(parseParameters({ stretch: 'none', tolerance_m: 2 }))).toEqual([
    'min_area_m2',
    'tolerance_m',
    'stretch',
  ]);
});

test('a network of other bands is given those, and what does not fit it is refused', () => {
  const report = { bandNames: ['red', 'green', 'blue', 'nir'], rendering: { bands: [1, 2, 3], ranges: null } } as never;
  const view = (given: object, bands: string[] | null, stored = false) =>
    networkView(parseParameters(given), report, { id: 'net', bands, stored }).view;
  const ndvi = ['nir', 'red'];
  expect(view({}, null)).toBeNull();
  expect(view({}, ndvi)).toEqual({ bands: [4, 1] });
  expect(view({ bands: [2, 'nir'] }, ndvi)).toEqual({ bands: [2, 4] });
  expect(view({ bands: ['nir'] }, ['red'])).toEqual({ bands: [4] });
  expect(view({ stretch: { low: 5, high: 90 } }, ndvi)).toEqual({
    bands: [4, 1],
    stretch: [
      [5, 90],
      [5, 90],
    ],
  });
  expect(view({}, ndvi, true)).toEqual({ bands: [4, 1], stored: true });
  expect(() => view({ bands: [1, 2] }, null)).toThrow('takes 3 bands (red, green and blue)');
  expect(() => view({ bands: [1, 2, 3] }, ndvi)).toThrow('takes 2 bands (nir, red)');
  expect(() => view({ stretch: { low: [0, 0, 1], high: [9, 9, 9] } }, ndvi)).toThrow('one for each of 2');
  expect(() => view({ stretch: 'none' }, ndvi, true)).toThrow('leave "stretch" out');
});
