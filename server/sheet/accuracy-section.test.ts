/** What a sample tells of a map stands on the sheet with its intervals, in one unit each, and with its sources. */
import { expect, test } from 'vitest';
import { assessment } from '../accuracy/assessment.ts';
import { assessmentJson } from '../accuracy/assessment-json.ts';
import { accuracyWords, SOURCES } from '../accuracy/words.ts';
import type { SampleDesign } from '../api/index.ts';
import { accuracySection } from './accuracy-section.ts';

const STRATA = [
  { class: 'forest', part: 'all', pixels: 900_000, area_m2: 900_000, points: 45 },
  { class: 'water', part: 'all', pixels: 100_000, area_m2: 100_000, points: 15 },
] as const;
const DESIGN: SampleDesign = {
  ...{ seed: 7, size: 60, least: 15, apart_m: 0, second_share: 0, split_score: null, aoi: false },
  ...{ expected_accuracy: 0.85, expected_standard_error: 0.05, strata: [...STRATA] },
};

test('areas and accuracies with intervals, the design, and the formulas', () => {
  const parts = STRATA.map(({ class: name, pixels, area_m2 }) => ({
    stratum: name,
    class: name,
    pixels,
    areaM2: area_m2,
  }));
  const points = STRATA.flatMap(({ class: name, points }) =>
    Array.from({ length: points }, (_, i) => ({
      ...{ stratum: name, mapClass: name },
      answers: [{ reviewer: 'Ada', class: i < 3 ? 'water' : name }, ...(i < 10 ? [{ reviewer: 'Ben', class: i < 4 ? 'water' : name }] : [])], // biome-ignore format: one line
    })),
  );
  const found = assessment(parts, points);
  const json = { job: 'j', sample: 's', design: DESIGN, ...assessmentJson(found) };
  const { rows = [], notes = [] } = accuracySection({ ...json, text: accuracyWords(found, DESIGN), sources: SOURCES });
  const said = new Map(rows);
  expect(said.get('Overall accuracy')).toMatch(/^94\.0 % \(95 %: 8\d\.\d to 9\d\.\d\)$/);
  expect(said.get('water, area')).toMatch(/^16\.00 ha \(95 %: 1\d\.\d\d to 2\d\.\d\d\); pixels of the map 10\.00 ha$/);
  expect(said.get('water, user’s accuracy')).toMatch(/^100\.0 %/);
  expect(said.get('Two people agree')).toMatch(/^at 19 of 20 points, kappa 0\.\d\d$/);
  expect(notes[0]).toContain('seed 7');
  expect(notes.at(-1)).toContain('Olofsson');
});
