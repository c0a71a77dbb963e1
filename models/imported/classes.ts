/** The classes of a map: what was written down of them, laid on what the network gives. */

import { Problem } from '../../errors/problem.ts';
import type { Finding } from '../../tiler/ingest/findings.ts';
import type { MapOutput } from '../adapter.ts';
import { type ClassRole, roleOf, roleOfName } from '../class-roles.ts';
import type { NetworkClass } from '../registry.ts';
import type { NetworkMetadata } from './network-metadata.ts';

/** Codes run to 254; 255 is nodata. */
const MOST_CLASSES = 255;
/** Whether a class is what the others are not. */
export const isBackground = (name: string): boolean => roleOfName(name) === 'background';

/** Colours that tell many classes apart, on a map: after the first ones that have a meaning of their own. */
const PALETTE =
  '4E79A7 F28E2B 76B7B2 EDC948 B07AA1 FF9DA7 9C755F 59A14F E15759 86BCB6 D37295 A0CBE8 FFBE7D 8CD17D B6992D D4A6C8 499894 FABFD2 79706E F1CE63'.split(
    ' ',
  );
const COLOURS: Record<ClassRole, string> = {
  ...{ background: '#d9c7a3', building: '#e0604c', road: '#6b7688', vegetation: '#5da35b', water: '#3e8fd0' },
};
/** Parts of names that mean enough for a colour, and not for a role. */
const MEANINGS: readonly [RegExp, string][] = [
  [/build|house|roof/i, COLOURS.building],
  [/road|street|pav/i, COLOURS.road],
  [/veget|tree|forest|wood|grass|crop/i, COLOURS.vegetation],
  [/water|river|lake|sea/i, COLOURS.water],
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
  const bare = named.map((each, value) => ({ ...each, value, name: each?.name ?? `class ${value}` }));
  const classes = styled(withRoles(bare, facts.roles));
  if (missing === 0) findings.push(...withoutRole(classes));
  return classes;
}

/** Throws `bad_request` for a role of a class that there is not, and for one that two classes were given. */
function withRoles(classes: Known[], roles: NetworkMetadata['roles'] = {}): Known[] {
  const names = classes.map(({ name }) => name).join(', ');
  for (const key of Object.keys(roles)) {
    if (classes.some(({ name, value }) => name === key || String(value) === key)) continue;
    throw new Problem('bad_request', `There is no class "${key}" to give a role; the classes are ${names}.`);
  }
  const given = classes.map((each) => ({ ...each, role: roles[each.name] ?? roles[each.value] ?? each.role }));
  for (const role of DRAWN) {
    const several = given.filter((each) => each.role === role).map(({ name }) => `"${name}"`);
    if (several.length < 2) continue;
    throw new Problem(
      'bad_request',
      `${several.join(' and ')} cannot both be drawn as ${role}; give one of them that role.`,
    );
  }
  return given;
}

/** Roles that make features of their own, and what those are. */
const DRAWN = ['building', 'road', 'water'] as const;
const FEATURES = { building: 'no buildings', road: 'no roads' };

/** What of a map will be drawn as land use alone, because nobody said what its classes are. */
export function withoutRole(classes: readonly NetworkClass[]): Finding[] {
  const bare = classes.filter((each) => roleOf(each) === null).map(({ name }) => `"${name}"`);
  const roles = classes.map(roleOf);
  const lacking = (['building', 'road'] as const).filter((role) => !roles.includes(role)).map((role) => FEATURES[role]);
  if (bare.length === 0 || lacking.length === 0) return [];
  const listed = bare.length > 6 ? `${bare.slice(0, 5).join(', ')} and ${bare.length - 5} more` : bare.join(', ');
  return [
    {
      code: 'classes_without_role',
      severity: lacking.length === 2 ? 'warning' : 'info',
      message: `Nothing says what ${listed} ${bare.length === 1 ? 'is' : 'are'}: ${lacking.join(' and ')} will be drawn, areas of land use only.`,
      fix: `Give --roles, such as --roles "${classes.at(-1)!.name}=building".`,
    },
  ];
}

type Named = { name: string; color?: string; role?: ClassRole } | null;

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
  const background = known.length > planes && first && (isBackground(first.name) || first.value === 0) ? first : null;
  const objects = background ? known.slice(1) : known;
  return [background ?? { name: 'background' }, ...Array.from({ length: planes }, (_, i): Named => objects[i] ?? null)];
}

type Known = { value: number; name: string; color?: string | undefined; role?: ClassRole | undefined };

/** Every class with a colour and a name of its own. */
export function styled(classes: Known[]): NetworkClass[] {
  const names = new Set<string>();
  return classes.map(({ value, name, color, role }) => {
    let own = name;
    for (let i = 2; names.has(own); i++) own = `${name} ${i}`;
    names.add(own);
    const drawn = role ?? roleOfName(name);
    const meaning = drawn ? COLOURS[drawn] : MEANINGS.find(([pattern]) => pattern.test(name))?.[1];
    return {
      value,
      name: own,
      color: color?.toLowerCase() ?? meaning ?? `#${PALETTE[value % PALETTE.length].toLowerCase()}`,
      ...(role && { role }),
    };
  });
}
