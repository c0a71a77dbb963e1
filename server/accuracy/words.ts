/** An assessment in the sentences that reports to authorities have, and where its formulas are from. */
import type { SampleDesign } from '../api/accuracy.ts';
import type { Assessment } from './assessment.ts';
import type { Estimate } from './estimate.ts';

export const SOURCES = [
  'Olofsson, P., Foody, G. M., Herold, M., Stehman, S. V., Woodcock, C. E., Wulder, M. A. (2014): Good practices for estimating area and assessing accuracy of land change. Remote Sensing of Environment 148, 42–57. Equations 1 to 13.',
  'Stehman, S. V. (2014): Estimating area and map accuracy for stratified random sampling when the strata are different from the map classes. International Journal of Remote Sensing 35(13), 4923–4939. Equations 3, 25 and 27 to 29.',
  'Zou, G. Y., Donner, A. (2008): Construction of confidence limits about effect measures: a general approach. Statistics in Medicine 27(10), 1693–1702. Intervals of strata put together.',
  'Brown, L. D., Cai, T. T., DasGupta, A. (2001): Interval estimation for a binomial proportion. Statistical Science 16(2), 101–133. Jeffreys’ interval of a stratum.',
  'Cohen, J. (1960): A coefficient of agreement for nominal scales. Educational and Psychological Measurement 20(1), 37–46. Kappa.',
];

const HECTARE_M2 = 10_000;
const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
const hectares = (areaM2: number): string =>
  (areaM2 / HECTARE_M2).toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const interval = ({ lower, upper }: Estimate, show: (value: number) => string): string =>
  `(95 % confidence interval ${show(lower)} to ${show(upper)})`;

export function accuracyWords(found: Assessment, design: SampleDesign): string[] {
  const { answered, cannotTell, disagreeing, agreement, overallAccuracy, classes } = found;
  const strata = design.split_score === null ? 'the classes of the map' : 'the classes of the map and how sure it is';
  const sentences = [
    `The map was assessed by a stratified random sample of ${answered} points (strata: ${strata}; at least ${design.least} points each; seed ${design.seed}), at which people named the class that they saw without knowing what the map says.`,
  ];
  if (cannotTell > 0) {
    const points = cannotTell === 1 ? 'one more point' : `${cannotTell} more points`;
    sentences.push(`At ${points} nobody could tell the class, which counts as if it had not been drawn.`);
  }
  if (agreement.points > 0) {
    const kappa = agreement.kappa === null ? '' : ` (Cohen’s kappa ${agreement.kappa.toFixed(2)})`;
    const settled = disagreeing > 0 ? ` At ${disagreeing} it is open who is right; the first answer counts.` : ' Where they did not, a third one decided.'; // biome-ignore format: one line
    const differed = agreement.points > agreement.agreed;
    sentences.push(
      `At ${agreement.points} points two people looked, and agreed at ${agreement.agreed}${kappa}.${differed ? settled : ''}`,
    );
  }
  sentences.push(
    `The overall accuracy is ${percent(overallAccuracy.value)} ${interval(overallAccuracy, percent)}.`,
    ...classes.map(({ class: name, areaM2, areaShare, mappedM2, usersAccuracy, producersAccuracy }) => {
      const accuracies = [
        usersAccuracy && `User’s accuracy ${percent(usersAccuracy.value)} ${interval(usersAccuracy, percent)}`,
        producersAccuracy &&
          `producer’s accuracy ${percent(producersAccuracy.value)} ${interval(producersAccuracy, percent)}`,
      ].filter((each) => each !== null);
      return (
        `${name.charAt(0).toUpperCase()}${name.slice(1)}: ${hectares(areaM2.value)} ha ${interval(areaM2, hectares)}, ${percent(areaShare.value)} of the mapped ground; ` +
        `the pixels of the map come to ${hectares(mappedM2)} ha. ${accuracies.join('; ')}${accuracies.length > 0 ? '.' : ''}`
      ).trim();
    }),
    'Areas are stratified estimates from the sample, and not counts of pixels, which are off by the errors of the map.',
  );
  return sentences;
}
