/** How good a map is, by a sample at which people looked, as a section of its sheet. */
import type { Estimate } from '../api/accuracy.ts';
import type { JobAccuracyJson } from '../api/index.ts';
import type { Section } from './sheet.ts';

const HECTARE_M2 = 10_000;

const number = (value: number, digits: number) =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** All three in one unit, so that they can be held against each other. */
const interval = ({ value, lower, upper }: Estimate, unit: string, show: (value: number) => string): string =>
  `${show(value)} ${unit} (95 %: ${show(lower)} to ${show(upper)})`;
const shares = (estimate: Estimate) => interval(estimate, '%', (share) => number(100 * share, 1));
const areas = (estimate: Estimate) => interval(estimate, 'ha', (m2) => number(m2 / HECTARE_M2, 2));

export function accuracySection(found: JobAccuracyJson): Section {
  const { overall_accuracy, classes, answered, agreement, text, sources } = found;
  const rows: [string, string][] = [
    ['Points looked at', String(answered)],
    ['Overall accuracy', shares(overall_accuracy)],
  ];
  if (agreement.kappa !== null) {
    rows.push([
      'Two people agree',
      `at ${agreement.agreed} of ${agreement.points} points, kappa ${number(agreement.kappa, 2)}`,
    ]);
  }
  for (const { class: name, area_m2, mapped_m2, users_accuracy, producers_accuracy } of classes) {
    rows.push([`${name}, area`, `${areas(area_m2)}; pixels of the map ${number(mapped_m2 / HECTARE_M2, 2)} ha`]);
    if (users_accuracy) rows.push([`${name}, user’s accuracy`, shares(users_accuracy)]);
    if (producers_accuracy) rows.push([`${name}, producer’s accuracy`, shares(producers_accuracy)]);
  }
  const [design = '', reading = ''] = [text[0], text.at(-1)];
  return { heading: 'How good the map is', rows, notes: [design, reading, `Formulas: ${sources.join(' ')}`] };
}
