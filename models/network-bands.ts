/**
 * The bands that a network takes, by name, and those that a scene has → which band of the scene goes where. Names are
 * STAC's common names (https://github.com/stac-extensions/eo#common-band-names), those of Sentinel-2, or numbers.
 */
import { Problem } from '../errors/problem.ts';

const ROLES: readonly [role: string, names: RegExp][] = [
  ['red', /^(red|r|b0?4)$/],
  ['green', /^(green|g|b0?3)$/],
  ['blue', /^(blue|b|b0?2)$/],
  ['nir', /^(nir|nir1|ir|near[ _-]?infra[ _-]?red|b0?8)$/],
  ['nir08', /^(nir08|nir2|narrow[ _-]?nir|b8a)$/],
  ['rededge', /^(rededge|red[ _-]?edge)$/],
  ['rededge071', /^(rededge071|red[ _-]?edge[ _-]?1|b0?5)$/],
  ['rededge075', /^(rededge075|red[ _-]?edge[ _-]?2|b0?6)$/],
  ['rededge078', /^(rededge078|red[ _-]?edge[ _-]?3|b0?7)$/],
  ['coastal', /^(coastal|coastal[ _-]?(blue|aerosol)|b0?1)$/],
  ['nir09', /^(nir09|water[ _-]?vapou?r|b0?9)$/],
  ['cirrus', /^(cirrus|b10)$/],
  ['swir16', /^(swir16|swir[ _-]?1|b11)$/],
  ['swir22', /^(swir22|swir[ _-]?2|b12)$/],
  ['yellow', /^(yellow|y)$/],
  ['pan', /^(pan|panchromatic)$/],
  ['grey', /^(gr[ae]y|gr[ae]yscale|luminance|single)$/],
];

const plain = (name: string): string => name.trim().toLowerCase();

/** The common name of a band; what is no known name stays as it is, in small letters. */
export function bandRole(name: string): string {
  return ROLES.find(([, pattern]) => pattern.test(plain(name)))?.[0] ?? plain(name);
}

/** One-digit names mean other bands on each satellite: of a scene they say nothing. */
const sceneRole = (name: string | null): string | null =>
  name === null || /^b\d$/i.test(name) ? null : bandRole(name);

/** What a network takes. */
export interface WantedBands {
  id: string;
  /** By name or number, in its order; null: red, green and blue. */
  bands: readonly string[] | null;
  /** Values as the scene stores them. */
  stored: boolean;
}

export interface SceneBands {
  /** What the file says of each band, or null. */
  names: readonly (string | null)[];
  /** Bands that are red, green and blue, the first being 1; all the same where the scene is grey. */
  rgb: readonly number[];
}

export interface ChosenBands {
  /** The scene's bands in the network's order, the first being 1. */
  bands: number[];
  /** How they were found, for the report. */
  reason: string;
}

/** Null where the network takes RGB, as scenes have it. Throws `bands_missing` where the scene lacks one. */
export function networkBands({ id, bands: names }: WantedBands, scene: SceneBands): ChosenBands | null {
  if (!names) return null;
  const taken = names.map((name) => findBand(name, names, scene));
  const missing = names.filter((_, i) => taken[i] === null);
  if (missing.length > 0) {
    const has = scene.names.map((name, i) => (name === null ? `${i + 1}` : `${i + 1} (${name})`)).join(', ');
    const wanted = `The network "${id}" takes the bands ${names.join(', ')}; the scene has ${has}`;
    const number = names.length === 1 ? 'one band' : `${names.length} bands`;
    const fix =
      scene.names.length >= names.length
        ? `say which they are with the parameter "bands": ${number}, such as [${names.map((_, i) => i + 1).join(', ')}]`
        : 'bring an image that has them, or take another network';
    throw new Problem('bands_missing', `${wanted}, and none is known to be ${missing.join(', ')}; ${fix}.`);
  }
  const bands = taken as number[];
  const matches = names.map((name, i) => `${name} from band ${bands[i]}`).join(', ');
  const guessed = names.filter((name, i) => isLastOfFour(name, bands[i], scene));
  const reason =
    guessed.length > 0
      ? `The network takes ${matches}; nothing says what the fourth band is: of four it mostly is near infrared.`
      : `The network takes ${matches}, as the scene and the network name them.`;
  return { bands, reason };
}

/** Aerial imagery of four bands is red, green, blue and near infrared. */
const isLastOfFour = (name: string, band: number, { names }: SceneBands): boolean =>
  bandRole(name) === 'nir' && names.length === 4 && names[band - 1] === null;

function findBand(name: string, all: readonly string[], { names, rgb }: SceneBands): number | null {
  if (/^\d+$/.test(name)) return Number(name) >= 1 && Number(name) <= names.length ? Number(name) : null;
  const role = bandRole(name);
  const exact = names.findIndex((each) => each !== null && plain(each) === plain(name));
  const found = exact >= 0 ? exact : names.findIndex((each) => sceneRole(each) === role);
  if (found >= 0) return found + 1;
  const gray = new Set(rgb).size === 1;
  const colour = ['red', 'green', 'blue'].indexOf(role);
  if (colour >= 0) return gray ? null : rgb[colour];
  if ((role === 'grey' || role === 'pan') && gray) return rgb[0];
  // The one band that nothing is said of.
  const rest = names.flatMap((each, i) => (each === null && !rgb.includes(i + 1) ? [i + 1] : []));
  const named = all.every((each) => ['red', 'green', 'blue', 'nir'].includes(bandRole(each)));
  return role === 'nir' && named && names.length === 4 && rest.length === 1 ? rest[0] : null;
}
