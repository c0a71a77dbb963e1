/** How long the scale bar is. */
import { t } from '../messages/index.ts';
import { pixelsPerMetre } from './layer-styles.ts';

const LONGEST_PIXELS = 190;
/** On shorter bars the middle's figure would touch its neighbours. */
const LABELLED_MIDDLE_PIXELS = 110;

/** Its width in CSS pixels and its figures, at a zoom and a latitude in degrees: a length that people count in. */
export function scaleBar(zoom: number, latitude: number): { pixels: number; middle: string; end: string } {
  const perMetre = pixelsPerMetre(zoom, latitude);
  const metres = roundLength(LONGEST_PIXELS / perMetre);
  const pixels = metres * perMetre;
  const [length, unit] = metres >= 1000 ? [metres / 1000, 'km'] : [metres, 'm'];
  const number = new Intl.NumberFormat(t.locale, { useGrouping: false });
  return {
    pixels,
    middle: pixels < LABELLED_MIDDLE_PIXELS ? '' : number.format(length / 2),
    end: `${number.format(length)}\u2009${unit}`,
  };
}

/** The largest of 1, 2, 5 times a power of ten that is not above `metres`. */
function roundLength(metres: number): number {
  const power = 10 ** Math.floor(Math.log10(metres));
  return [5, 2, 1].find((digit) => digit * power <= metres)! * power;
}
