/** Classes that a network is taught and did not have: `NAME=COLOUR:ROLE`. */
import { Problem } from '../../errors/problem.ts';
import type { NetworkClass } from '../../models/registry.ts';

export interface NewClass {
  name: string;
  /** `#rrggbb`; null: one of the palette. */
  color: string | null;
}

/** What its areas are; all of them are drawn as areas of land use. */
const KINDS = ['area', 'object', 'line'];
const FORM = 'a class is given as NAME=COLOUR:ROLE, such as pool=#33aaff:object; ROLE is area, object or line';
const MOST_NAME = 60;
/** Codes run to 254; 255 is nodata. */
const MOST_CLASSES = 255;

/** Throws `bad_request` for what is none, and for names that the network has. */
export function readNewClasses(given: readonly string[], known: readonly NetworkClass[]): NewClass[] {
  const names = new Set(known.map(({ name }) => name.toLowerCase()));
  if (known.length + given.length > MOST_CLASSES) {
    throw new Problem('bad_request', `A network tells at most ${MOST_CLASSES} classes apart.`);
  }
  return given.map((text) => {
    const [, name, color, kind = 'area'] =
      /^([^=]+?)(?:=(#[0-9a-f]{3}(?:[0-9a-f]{3})?)?(?::(\w+))?)?$/i.exec(text.trim()) ?? [];
    if (name === undefined || name.length > MOST_NAME || !KINDS.includes(kind)) {
      throw new Problem('bad_request', `"${text.slice(0, 80)}" cannot be used: ${FORM}.`);
    }
    if (names.has(name.toLowerCase())) {
      throw new Problem('bad_request', `The network has a class "${name}" already; labels of it need no --class.`);
    }
    names.add(name.toLowerCase());
    return { name, color: color === undefined ? null : fullColour(color) };
  });
}

/** `#3af` is `#33aaff`. */
const fullColour = (color: string): string =>
  (color.length === 7 ? color : `#${[...color.slice(1)].map((digit) => digit + digit).join('')}`).toLowerCase();
