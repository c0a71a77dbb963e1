/** An assessment as a table to read. */
import type { Assessment } from '../../server/accuracy/assessment.ts';
import type { Estimate } from '../../server/accuracy/estimate.ts';

const percent = (value: number): string => (100 * value).toFixed(1);
const hectares = (areaM2: number): string => (areaM2 / 10_000).toFixed(2);
const interval = (estimate: Estimate | null, show: (value: number) => string): string =>
  estimate === null ? '–' : `${show(estimate.value)} (${show(estimate.lower)}–${show(estimate.upper)})`;

export function accuracyText(map: string, answers: string, found: Assessment): string {
  const { answered, cannotTell, disagreeing, agreement, overallAccuracy, classes, counts } = found;
  const width = Math.max(12, ...classes.map((each) => each.class.length + 2));
  const row = (cells: string[]) => cells.map((cell, i) => (i === 0 ? cell.padEnd(width) : cell.padStart(24))).join('');
  const lines = [
    `${map}, by ${answered} points of ${answers}${cannotTell > 0 ? `, and ${cannotTell} that nobody could tell` : ''}`,
    `Overall accuracy ${interval(overallAccuracy, percent)} %; in brackets 95 % intervals`,
    ...(agreement.points > 0
      ? [
          `Two people agree at ${agreement.agreed} of ${agreement.points} points${agreement.kappa === null ? '' : `, kappa ${agreement.kappa.toFixed(2)}`}; ${disagreeing} are open, the first answer counts`,
        ]
      : []),
    '',
    row(['', 'pixels of the map, ha', 'area, ha', "user's accuracy, %", "producer's accuracy, %"]),
    ...classes.map((each) =>
      row([
        ...[each.class, hectares(each.mappedM2), interval(each.areaM2, hectares)],
        ...[interval(each.usersAccuracy, percent), interval(each.producersAccuracy, percent)],
      ]),
    ),
    '',
    'Points, by class of the map (rows) and as seen (columns):',
    ['', ...classes.map((each) => each.class)]
      .map((cell, i) => (i === 0 ? cell.padEnd(width) : cell.padStart(width)))
      .join(''),
    ...classes.map(
      (each, i) => each.class.padEnd(width) + counts[i]!.map((count) => String(count).padStart(width)).join(''),
    ),
    '',
    'Estimators: Olofsson et al. (2014), Remote Sensing of Environment 148; Stehman (2014), International Journal of',
    'Remote Sensing 35(13). The pixels of the map are what it has, not what is there: report the area with its interval.',
  ];
  return `${lines.join('\n')}\n`;
}
