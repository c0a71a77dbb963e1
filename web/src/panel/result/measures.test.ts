import { expect, test } from 'vitest';
import type { JobJson, ModelJson } from '../../service/types.ts';
import { measuresOf, notComputed } from './measures.ts';

const classes = [
  { name: 'water', value: 1, color: '#00f' },
  { name: 'building', value: 2, color: '#f00' },
];
const totals = [{ class: 'building', count: 1, area_m2: 12_400, share: 0.8 }];
const collections = [
  { id: 'buildings', count: 2, area_m2: 11_900 },
  { id: 'landuse', count: 1, area_m2: 12_400 },
  { id: 'roads', count: 7, area_m2: 0 },
];
const job = { totals, collections, report: null } as unknown as JobJson;

test('classes have their area, largest first, those not found are listed, and other collections by themselves', () => {
  const { value, unit, note, rows, others } = measuresOf(job, { task: 'segmentation', classes } as ModelJson);
  expect([value, unit, note]).toEqual(['1.24', 'ha', 'mapped · 1 area']);
  expect(rows.map(({ name, value, unit, note, percent }) => [name, value, unit, note, percent])).toEqual([
    ['building', '1.24', 'ha', '1 area', '80 %'],
    ['water', '0', 'm²', '0 areas', '0 %'],
  ]);
  expect(others).toEqual([
    ['Buildings', '2 · 1.19\u2009ha'],
    ['Roads', '7'],
  ]);
});

test('objects are counted, and their share is of their number', () => {
  const two = {
    ...job,
    collections: [{ id: 'objects', count: 4, area_m2: 12_409 }],
    totals: [...totals, { class: 'water', count: 3, area_m2: 9, share: 0.2 }],
  };
  const { value, unit, note, rows, others } = measuresOf(two, { task: 'detection', classes } as ModelJson);
  expect([value, unit, note, others]).toEqual(['4', 'objects', 'found', []]);
  expect(rows.map(({ name, value, note, share }) => [name, value, note, share])).toEqual([
    ['water', '3', '9.0\u2009m²', 0.75],
    ['building', '1', '1.24\u2009ha', 0.25],
  ]);
});

test('what failed is an area of the model grid', () => {
  expect(notComputed(job)).toBeNull();
  const report = { ledger: { failed: 4000 }, model_grid: { gsd_m: 0.5 } };
  expect(notComputed({ ...job, report } as unknown as JobJson)).toEqual(['1,000', 'm²']);
});
