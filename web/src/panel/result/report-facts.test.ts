import { expect, test } from 'vitest';
import type { JobJson, JobReport, ModelJson, SceneJson } from '../../service/types.ts';
import { assumptionNotes, failureNotes, jobFacts, ledgerFacts, stageFacts, verifiedText } from './report-facts.ts';

const report = {
  seam: { certified: true, halo: 128, disagreement: 0 },
  ledger: { done: 750, nodata: 250, outside: 0, failed: 0, pending: 0 },
  timings_ms: { infer: 2240, plan: 12 },
  device: { name: 'CPU', fallback_nodes: 1 },
  assumptions: [{ code: 'value_range', value: { low: 0.123456789, high: [1, 2] }, reason: 'By percentiles.' }],
} as unknown as JobReport;
const scene = {
  findings: [{ message: 'No date.', fix: 'Name one.' }],
  width: 1200,
  height: 800,
  bands: 3,
} as SceneJson;
const job = { id: 'j', model: 'gone', started_at: null } as JobJson;

test('only what is known of a job is told', () => {
  const facts = Object.fromEntries(
    jobFacts(job, report, { ...scene, license: null, attribution: null, srs: null }, undefined),
  );
  expect(facts).toEqual({
    Network: 'gone',
    Image: '1,200 × 800 px, 3 bands',
    Stitching: 'Exact: a halo of 128 px gives the result of one pass',
    Device: 'CPU, 1 node of the network on another device',
    Job: 'j',
  });
});

test('stitching that is not certified says how much disagrees', () => {
  const open = { ...report, seam: { certified: false, halo: 16, disagreement: 0.02 } };
  const told = (task: ModelJson['task']) =>
    Object.fromEntries(jobFacts(job, open, scene, { name: 'N', gsd_m: null, task } as ModelJson)).Stitching;
  expect(told('segmentation')).toBe('Not certified: halo 16 px, 2.0 % of the seam pixels disagree');
  expect(told('detection')).toBe('2.0 % of the objects covered by two chips were detected in only one');
});

test('how right the network is at unseen places is told from the worst to the best', () => {
  const classes = ['other', 'building', 'road'].map((name) => ({ name }));
  const scores_by_place = { vienna: { building: 0.641 }, paris: { building: 0.53, road: 0.4 } };
  const model = { name: 'N', classes, scores_by_place } as unknown as ModelJson;
  expect(Object.fromEntries(jobFacts(job, report, scene, model))['IoU at unseen places']).toBe(
    'building 0.53–0.64, road 0.40',
  );
});

test('pixels and times are listed where there are any', () => {
  expect(ledgerFacts(report)).toEqual([
    ['done', '750 (75 %)'],
    ['nodata', '250 (25 %)'],
  ]);
  expect(stageFacts(report)).toEqual([
    ['plan', '12 ms'],
    ['infer', '2.2 s'],
  ]);
});

test('findings and assumptions are sentences', () => {
  expect(assumptionNotes(report, scene)).toEqual([
    'No date. Name one.',
    'value range: low 0.123457, high 1, 2. By percentiles.',
  ]);
});

test('five failed chips are listed, the others counted', () => {
  const failed = Array.from({ length: 6 }, (_, x) => ({ x, y: 0, width: 8, height: 8, reason: 'crash' }));
  const notes = failureNotes({ ...report, chips: { failed } } as unknown as JobReport);
  expect([notes.length, notes[0], notes[5]]).toEqual([6, '8 × 8 px at 0, 0: crash', 'and 1 other chip']);
  expect(failureNotes(report)).toEqual([]);
});

test('what was verified is counted', () => {
  const proof = { seed: 1, windows: 8, pixels: 4096, differing: 0, max_score_delta: 0 };
  expect(verifiedText(proof)).toBe('8 windows, 0 pixels of 4,096 differ');
  expect(verifiedText({ ...proof, differing: 1, max_score_delta: 3 })).toBe(
    '8 windows, 1 pixel of 4,096 differs (scores by 3 of 255 at most)',
  );
});
