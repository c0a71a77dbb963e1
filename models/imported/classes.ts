/** The classes of a map: what was written down of them, laid on what the network gives. */

import { Problem } from '../../errors/problem.ts';
import type { Finding } from '../../tiler/ingest/findings.ts';
import type { MapOutput } from '../adapter.ts';
import type { NetworkClass } from '../registry.ts';
import type { NetworkMetadata } from './network-metadata.ts';

/** Codes run to 254; 255 is nodata. */
const MOST_CLASSES = 255;
export const BACKGROUND = /^_?(background|other|nothing|none|bg|unlabell?ed|void)$/i;

/** Colours that tell many classes apart, on a map: after the first ones that have a meaning of their own. */
const PALETTE =
  '4E79A7 F28E2B 76B7B2 EDC948 B07AA1 FF9DA7 9C755F 59A14F E15759 86BCB6 D37295 A0CBE8 FFBE7D 8CD17D B6992D D4A6C8 499894 FABFD2 79706E F1CE63'.split(
    ' ',
  );
const MEANINGS: readonly [RegExp, string][] = [
  [BACKGROUND, '#d9c7a3'],
  [/build|house|roof/i, '#e0604c'],
  [/road|street|pav/i, '#6b7688'],
  [/veget|tree|forest|wood|grass|crop/i, '#5da35b'],
  [/water|river|lake|sea/i, '#3e8fd0'],
];

/**
 * `planes` is how many planes the output has; of labels, how many there are, 0 where nobody knows. Independent planes
 * have a background beside them. Throws `unsupported_model` where there are too many, or nobody knows how many.
 */
export function mapClasses(
  output: MapOutput,
  planes: number,
  facts: NetworkMetadata,
  findings: Finding[],
): NetworkClass[] {
  const known = facts.classes ?? [];
  if (planes === 0 && known.length === 0) {
    const what = 'The network gives class codes, and neither its graph nor what is written about it says how many';
    throw new Problem('unsupported_model', `${what}; give --classes with a name for each, from code 0 on.`);
  }
  const highest = known.reduce((most, { value }) => Math.max(most, value), 0);
  const objects = planes === 0 ? highest + 1 : planes;
  const count = output.exclusive ? objects : objects + 1;
  if (count > MOST_CLASSES) {
    throw new Problem(
      'unsupported_model',
      `The network tells ${count} classes apart; a class map holds ${MOST_CLASSES}.`,
    );
  }
  const named = output.exclusive ? exclusiveNames(known, count) : independentNames(known, objects);
  const missing = named.filter((each) => each === null).length;
  if (missing > 0) {
    findings.push({
      code: 'classes_missing',
      severity: 'warning',
      message: `Nothing says what ${missing === count ? '' : `${missing} of `}the ${count} classes are; they are called by their number.`,
      fix: `Give --classes with ${output.exclusive ? count : objects} names, such as ${output.exclusive ? 'background,building' : 'building'}.`,
    });
  }
  return styled(named.map((each, value) => ({ value, name: each?.name ?? `class ${value}`, color: each?.color })));
}

type Named = { name: string; color?: string } | null;

/** Codes are channels; names counted from 1 leave the background to channel 0. */
function exclusiveNames(known: NonNullable<NetworkMetadata['classes']>, count: number): Named[] {
  const byValue = new Map(known.map((each) => [each.value, each]));
  const fit = known.every(({ value }) => value < count);
  const list = Array.from({ length: count }, (_, i): Named => (fit ? byValue.get(i) : known[i]) ?? null);
  if (known.length > 0 && list[0] === null) list[0] = { name: 'background' };
  return list;
}

/** One name for each plane, after the background. */
function independentNames(known: NonNullable<NetworkMetadata['classes']>, planes: number): Named[] {
  const [first] = known;
  const background =
    known.length > planes && first && (BACKGROUND.test(first.name) || first.value === 0) ? first : null;
  const objects = background ? known.slice(1) : known;
  return [background ?? { name: 'background' }, ...Array.from({ length: planes }, (_, i): Named => objects[i] ?? null)];
}

/** Every class with a colour and a name of its own. */
export function styled(classes: { value: number; name: string; color?: string | undefined }[]): NetworkClass[] {
  const names = new Set<string>();
  return classes.map(({ value, name, color }) => {
    let own = name;
    for (let i = 2; names.has(own); i++) own = `${name} ${i}`;
    names.add(own);
    const meaning = MEANINGS.find(([pattern]) => pattern.test(name))?.[1];
    return {
      value,
      name: own,
      color: color?.toLowerCase() ?? meaning ?? `#${PALETTE[value % PALETTE.length].toLowerCase()}`,
    };
  });
}
