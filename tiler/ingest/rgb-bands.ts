/** What a file says of its bands becomes the choice of red, green and blue, with the reason for it. */
import { Photometric } from '../geotiff/tiff-tags.ts';

export interface BandChoice {
  /** The first band is 1. */
  bands: [red: number, green: number, blue: number];
  code: 'bands_named' | 'bands_rgb' | 'gray_repeated';
  reason: string;
  /** Whether the choice is a guess that people should look at. */
  guessed: boolean;
}

export interface BandMetadata {
  bands: number;
  photometric: number;
  /** The alpha band, the first being 0, or null. */
  alphaBand: number | null;
  /** By number of the band, the first being 0. */
  roles: ReadonlyMap<number, string>;
  names: ReadonlyMap<number, string>;
}

/** Sentinel-2 and its harmonised kin number visible bands so; Landsat's one-digit names differ between satellites. */
const NAMES: readonly RegExp[] = [/^(red|r|b04)$/i, /^(green|g|b03)$/i, /^(blue|b|b02)$/i];
const ROLES: readonly RegExp[] = [/^red$/i, /^green$/i, /^blue$/i];

/** In the order of certainty: GDAL's colour roles, band names, RGB by the TIFF's own tag, gray, the first three. */
export function chooseBands({ bands, photometric, alphaBand, roles, names }: BandMetadata): BandChoice {
  const colours = Array.from({ length: bands }, (_, band) => band).filter((band) => band !== alphaBand);
  const byRole = findAll(ROLES, roles, colours);
  if (byRole) {
    const reason = 'The file says which bands are red, green and blue.';
    return { bands: byRole, code: 'bands_named', reason, guessed: false };
  }
  const byName = findAll(NAMES, names, colours);
  if (byName) {
    const said = byName.map((band) => names.get(band - 1)).join(', ');
    const reason = `Red, green and blue were found by the names of the bands: ${said}.`;
    return { bands: byName, code: 'bands_named', reason, guessed: false };
  }
  const rgb = photometric === Photometric.rgb || photometric === Photometric.yCbCr;
  if (colours.length < 3) {
    const band = colours[0] + 1;
    const other = colours.length === 2 ? ' The other one is not used.' : '';
    const reason = `The image is gray: band ${band} stands for red, green and blue.${other}`;
    return { bands: [band, band, band], code: 'gray_repeated', reason, guessed: colours.length === 2 };
  }
  const [red, green, blue] = colours;
  const reason = rgb
    ? 'The file says that its first three bands are red, green and blue.'
    : 'The file does not say what its bands are; the first three are taken for red, green and blue.';
  return { bands: [red + 1, green + 1, blue + 1], code: 'bands_rgb', reason, guessed: !rgb };
}

function findAll(
  patterns: readonly RegExp[],
  texts: ReadonlyMap<number, string>,
  colours: readonly number[],
): BandChoice['bands'] | null {
  const found = patterns.map((pattern) => colours.find((band) => pattern.test((texts.get(band) ?? '').trim())));
  const [red, green, blue] = found;
  if (red === undefined || green === undefined || blue === undefined) return null;
  return [red + 1, green + 1, blue + 1];
}
