/** How classes are drawn: colours, filters and sizes as MapLibre expressions. */
import type { ExpressionSpecification } from 'maplibre-gl';
import { mapConditions, type Ranges } from '../filter.ts';
import type { ModelClass } from '../service/types.ts';

/** Bottom to top. Buildings and roads are land use as well; there they are left to their own collection. */
export const COLLECTIONS = ['landuse', 'roads', 'buildings', 'objects'] as const;
export type Collection = (typeof COLLECTIONS)[number];

/** Drawn as areas from the collection of their objects; the surface of roads lies under their centre lines. */
const OBJECT_CLASSES: readonly string[] = ['building'];

export const AREAS: ExpressionSpecification = ['==', ['geometry-type'], 'Polygon'];
const IS_LINE: ExpressionSpecification = ['==', ['geometry-type'], 'LineString'];

export interface ClassView {
  hidden: ReadonlySet<string>;
  opacity: number;
  /** Features beyond are not shown. */
  ranges: Ranges;
}

/** Labels of boxes, in CSS pixels; boxes smaller than the least have none. */
export const LABEL_PIXELS = 12;
const LABELLED_BOX_PIXELS = 6;
const LABEL_ZOOMS = [10, 24] as const;
/** Of the fill of classes: boxes leave their object to be seen. */
const BOX_FILL = 0.3;
const UNKNOWN_COLOUR = '#888888';

export function colourByClass(classes: readonly ModelClass[]): ExpressionSpecification | string {
  const [first, ...rest] = classes.flatMap(({ name, color }) => [name, color]);
  return first === undefined
    ? UNKNOWN_COLOUR
    : (['match', ['get', 'class'], first, ...rest, UNKNOWN_COLOUR] as unknown as ExpressionSpecification);
}

/** Centre lines are white, borders of areas have the colour of their class. */
export const lineColour = (classes: readonly ModelClass[]): ExpressionSpecification => [
  'case',
  IS_LINE,
  '#ffffff',
  colourByClass(classes),
];

/** Which features of a collection are shown. */
export function shownFilter(collection: Collection, { hidden, ranges }: ClassView): ExpressionSpecification {
  const without = collection === 'landuse' ? [...OBJECT_CLASSES, ...hidden] : [...hidden];
  return ['all', ['!', ['in', ['get', 'class'], ['literal', without]]], ...mapConditions(ranges)];
}

export const fillOpacity = (collection: Collection, { opacity }: ClassView): number =>
  collection === 'objects' ? opacity * BOX_FILL : opacity;

export const lineOpacity = ({ opacity }: ClassView): number => Math.min(1, opacity * 2);

/** In CSS pixels, by zoom; centre lines are wider than borders. */
export const lineWidth = (collection: Collection): ExpressionSpecification | number =>
  collection === 'objects'
    ? 2
    : byZoom([13, ['case', IS_LINE, 1, 0.5]], [16, ['case', IS_LINE, 2.25, 1]], [19, ['case', IS_LINE, 4, 1.75]]);

const isSelected: ExpressionSpecification = ['boolean', ['feature-state', 'selected'], false];
const isHovered: ExpressionSpecification = ['boolean', ['feature-state', 'hovered'], false];

/** Outlines of the feature under the pointer and of the one selected. */
export const markWidth = byZoom([14, ['case', isSelected, 1.75, 1.25]], [17, ['case', isSelected, 3, 2]]);
export const markOpacity: ExpressionSpecification = ['case', isSelected, 1, isHovered, 1, 0];

/** Of a box, in metres, were it a square. */
const side: ExpressionSpecification = ['sqrt', ['get', 'area_m2']];

/** Whether a box can bear a label: at its tile's own zoom, and at the equator; it is drawn up to twice that size. */
export const isLabelled: ExpressionSpecification = [
  '>=',
  ['*', side, ['^', 2, ['zoom']]],
  LABELLED_BOX_PIXELS / pixelsPerMetre(0, 0),
];

/** On the upper side of the box, or nearly: half of its side above its middle, halfway to the next zoom. */
export const labelOffset = (latitude: number): ExpressionSpecification =>
  [
    'interpolate',
    ['exponential', 2],
    ['zoom'],
    ...LABEL_ZOOMS.flatMap((zoom) => [
      zoom,
      ['/', ['*', side, pixelsPerMetre(zoom + 0.5, latitude)], 2 * LABEL_PIXELS],
    ]),
  ] as unknown as ExpressionSpecification;

/** CSS pixels at a latitude in degrees. */
export function pixelsPerMetre(zoom: number, latitude: number): number {
  return (512 * 2 ** zoom) / (40_075_016.7 * Math.cos((latitude * Math.PI) / 180));
}

function byZoom(...stops: readonly [zoom: number, value: ExpressionSpecification][]): ExpressionSpecification {
  return ['interpolate', ['linear'], ['zoom'], ...stops.flat()] as ExpressionSpecification;
}
