/** How good a map is, as a page to read and to print: the words of a report, areas with intervals, the error matrix. */
import type { Request, Response } from 'express';
import type { Estimate } from '../../api/accuracy.ts';
import type { JobAccuracyJson } from '../../api/index.ts';
import { publicPath } from '../core/public-address.ts';
import { html, sendPage, table } from './page.ts';

const HECTARE_M2 = 10_000;
const fixed = (digits: number) => new Intl.NumberFormat('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }); // biome-ignore format: one line
const [one, two, four] = [fixed(1), fixed(2), fixed(4)];
const hectares = (m2: number): string => two.format(m2 / HECTARE_M2);
const percent = (share: number): string => one.format(100 * share);
const interval = (estimate: Estimate | null, show: (value: number) => string): string =>
  estimate === null ? 'not known' : `${show(estimate.value)} (${show(estimate.lower)} to ${show(estimate.upper)})`;

/** @param name of the image */
export function accuracyHtml(request: Request, response: Response, name: string, found: JobAccuracyJson): void {
  const { classes, matrix, counts, text, sources, design } = found;
  const title = `How good the map of ${name} is`;
  const number = (name: string) => ({ name, number: true });
  const areas = table(
    [
      { name: 'Class' },
      ...['Area, ha', 'Pixels of the map, ha', 'User’s accuracy, %', 'Producer’s accuracy, %'].map(number),
    ],
    classes.map((each) => [
      ...[each.class, interval(each.area_m2, hectares), hectares(each.mapped_m2)],
      ...[interval(each.users_accuracy, percent), interval(each.producers_accuracy, percent)],
    ]),
  );
  const names = classes.map((each) => each.class);
  const cells = (of: readonly (readonly number[])[], show: (value: number) => string) =>
    table(
      [{ name: 'Map \\ seen' }, ...names.map(number)],
      names.map((name, row) => [name, ...of[row]!.map(show)]),
    );
  const strata = table(
    [{ name: 'Class' }, { name: 'Part' }, ...['Pixels', 'Area, ha', 'Points'].map(number)],
    design.strata.map((each) => [
      each.class,
      each.part,
      String(each.pixels),
      hectares(each.area_m2),
      String(each.points),
    ]),
  );
  const body = html`<h1>${title}</h1>
${text.map((sentence) => html`<p>${sentence}</p>`)}
<h2>Areas and accuracies, with 95 % intervals</h2>
${areas}
<h2>Error matrix: estimated shares of the ground</h2>
${cells(matrix, (share) => four.format(share))}
<h2>The points behind it</h2>
${cells(counts, String)}
<h2>The sample</h2>
${strata}
<h2>Formulas</h2>
<ul>${sources.map((source) => html`<li>${source}</li>`)}</ul>`;
  const href = `${publicPath(request, request.path)}?f=json`;
  const above = [['Planimeter', publicPath(request, '/')] as const];
  sendPage(response, { title, above, data: { type: 'application/json', name: 'JSON', href }, body });
}
