/** A scene's imagery and a job's features as MapLibre sources and layers. */
import type {
  ExpressionSpecification,
  MapGeoJSONFeature,
  Map as MapLibreMap,
  PointLike,
  RasterLayerSpecification,
} from 'maplibre-gl';
import type { FailedJson, ModelClass, TileJson } from '../../server/api/index.ts';
import { sheetColours } from './map.ts';
import type { SelectedFeature } from './state.ts';

/** Bottom to top. Buildings and roads are land use as well; there they are left to their own collection. */
const COLLECTIONS = ['landuse', 'roads', 'buildings', 'objects'] as const;
/** Drawn as areas from the collection of their objects; the surface of roads lies under their centre lines. */
const OBJECT_CLASSES: readonly string[] = ['building'];
const AREAS: ExpressionSpecification = ['==', ['geometry-type'], 'Polygon'];
const IS_LINE: ExpressionSpecification = ['==', ['geometry-type'], 'LineString'];
/** Everything of a scene lies below the footprints. */
const ABOVE = 'footprints';
const LOWEST_MARK = 'landuse-marked';

export interface ClassView {
  hidden: ReadonlySet<string>;
  opacity: number;
  /** Features of a lower one are not shown. */
  leastScore: number;
}

/** Labels of boxes, in CSS pixels; boxes smaller than the least have none. */
const LABEL_PIXELS = 12;
const LABELLED_BOX_PIXELS = 6;
const LABEL_ZOOMS = [10, 24] as const;
/** Of the fill of classes: boxes leave their object to be seen. */
const BOX_FILL = 0.3;

/** Of what could not be computed: a colour that no class has, on imagery of any brightness. */
const FAILED_COLOUR = '#ff6a00';
const HATCH_PIXELS = 16;

/** Tiles are asked for by workers, which know no relative addresses. */
const absolute = ({ tiles }: TileJson): string[] =>
  tiles.map((tile) => (tile.startsWith('/') ? location.origin + tile : tile));

export function showImagery(map: MapLibreMap, tileJson: TileJson, visible: boolean): void {
  hideImagery(map);
  const fine = (tile: string) => (devicePixelRatio > 1 ? tile.replace('{y}', '{y}@2x') : tile);
  const sharp = { ...tileJson, tiles: tileJson.tiles.map(fine) };
  const above = ['live', 'landuse-fill'].find((layer) => map.getLayer(layer)) ?? ABOVE;
  addRaster(map, 'imagery', sharp, { 'raster-fade-duration': 200 }, above);
  setImageryVisible(map, visible);
}

function addRaster(
  map: MapLibreMap,
  id: string,
  tileJson: TileJson,
  paint: NonNullable<RasterLayerSpecification['paint']>,
  above: string,
): void {
  const { minzoom, maxzoom, bounds, attribution } = tileJson;
  const tiles = absolute(tileJson);
  map.addSource(id, { type: 'raster', tiles, tileSize: 256, minzoom, maxzoom, bounds, attribution });
  map.addLayer({ id, type: 'raster', source: id, paint }, above);
}

export function hideImagery(map: MapLibreMap): void {
  if (map.getLayer('imagery')) map.removeLayer('imagery');
  if (map.getSource('imagery')) map.removeSource('imagery');
}

export function setImageryVisible(map: MapLibreMap, visible: boolean): void {
  if (map.getLayer('imagery')) map.setLayoutProperty('imagery', 'visibility', visible ? 'visible' : 'none');
}

export function showFeatures(
  map: MapLibreMap,
  tileJson: TileJson,
  classes: readonly ModelClass[],
  view: ClassView,
): void {
  hideFeatures(map);
  const { minzoom, maxzoom, bounds, attribution } = tileJson;
  map.addSource('features', {
    type: 'vector',
    tiles: absolute(tileJson),
    minzoom,
    maxzoom,
    bounds,
    attribution,
    promoteId: 'id',
  });
  const colour = colourByClass(classes);
  const stroke: ExpressionSpecification = ['case', IS_LINE, '#ffffff', colour];
  for (const id of COLLECTIONS) {
    const of = { source: 'features', 'source-layer': id } as const;
    // Neighbours meet without a seam only when fills are not smoothed along their edges; the outline does that.
    const fill = { 'fill-color': colour, 'fill-antialias': false };
    map.addLayer({ id: `${id}-fill`, type: 'fill', ...of, filter: AREAS, paint: fill }, ABOVE);
    map.addLayer(
      { id: `${id}-line`, type: 'line', ...of, layout: { 'line-join': 'round' }, paint: { 'line-color': stroke } },
      ABOVE,
    );
  }
  for (const id of COLLECTIONS) {
    map.addLayer(
      { id: `${id}-marked`, type: 'line', source: 'features', 'source-layer': id, layout: { 'line-join': 'round' } },
      ABOVE,
    );
  }
  const latitude = (tileJson.bounds[1] + tileJson.bounds[3]) / 2;
  map.addLayer({
    id: 'objects-label',
    type: 'symbol',
    source: 'features',
    'source-layer': 'objects',
    filter: isLarge,
    layout: {
      'text-field': ['concat', ['get', 'class'], ' ', ['round', ['*', 100, ['get', 'score']]], '\u202f%'],
      'text-font': ['Inter Variable'],
      'text-size': LABEL_PIXELS,
      // On the upper side of the box, or nearly: half of its side above its middle, halfway to the next zoom.
      'text-anchor': 'bottom',
      'text-radial-offset': [
        'interpolate',
        ['exponential', 2],
        ['zoom'],
        ...LABEL_ZOOMS.flatMap((zoom) => [
          zoom,
          ['/', ['*', side, pixelsPerMetre(zoom + 0.5, latitude)], 2 * LABEL_PIXELS],
        ]),
      ] as unknown as ExpressionSpecification,
      'symbol-sort-key': ['-', 0, ['get', 'score']],
    },
    paint: { 'text-color': '#17201f', 'text-halo-color': '#ffffffe6', 'text-halo-width': 1.5 },
  });
  if (map.getLayer('scores')) map.moveLayer('scores', LOWEST_MARK);
  paintMarks(map);
  setClassView(map, view);
}

/** The class map of a running job, as far as it is. */
export function showLive(map: MapLibreMap, tileJson: TileJson, opacity: number): void {
  hideLive(map);
  const paint = { 'raster-fade-duration': 0, 'raster-resampling': 'nearest', 'raster-opacity': opacity } as const;
  addRaster(map, 'live', tileJson, paint, ABOVE);
}

/** Asks for its tiles again; those that are drawn stay until the new ones are here. */
export function refreshLive(map: MapLibreMap): void {
  if (map.getSource('live')) map.refreshTiles('live');
}

export function hideLive(map: MapLibreMap): void {
  if (map.getLayer('live')) map.removeLayer('live');
  if (map.getSource('live')) map.removeSource('live');
}

/** How sure the network was of each pixel, over the features and under what marks them. */
export function showScores(map: MapLibreMap, tileJson: TileJson): void {
  hideScores(map);
  const paint = { 'raster-fade-duration': 0, 'raster-resampling': 'nearest', 'raster-opacity': 0.9 } as const;
  addRaster(map, 'scores', tileJson, paint, map.getLayer(LOWEST_MARK) ? LOWEST_MARK : ABOVE);
}

export function hideScores(map: MapLibreMap): void {
  if (map.getLayer('scores')) map.removeLayer('scores');
  if (map.getSource('scores')) map.removeSource('scores');
}

/** Hatches the parts of the map that could not be computed. */
export function showFailed(map: MapLibreMap, areas: FailedJson): void {
  hideFailed(map);
  if (!map.hasImage('hatch')) map.addImage('hatch', hatch(), { pixelRatio: 2 });
  map.addSource('failed', { type: 'geojson', data: areas });
  map.addLayer({ id: 'failed-fill', type: 'fill', source: 'failed', paint: { 'fill-pattern': 'hatch' } }, ABOVE);
  const paint = { 'line-color': FAILED_COLOUR, 'line-width': 1.5 };
  map.addLayer({ id: 'failed-line', type: 'line', source: 'failed', paint }, ABOVE);
}

export function hideFailed(map: MapLibreMap): void {
  for (const layer of ['failed-fill', 'failed-line']) if (map.getLayer(layer)) map.removeLayer(layer);
  if (map.getSource('failed')) map.removeSource('failed');
}

/** Diagonal strokes that go on from copy to copy. */
function hatch(): ImageData {
  const canvas = document.createElement('canvas');
  canvas.width = HATCH_PIXELS;
  canvas.height = HATCH_PIXELS;
  const c = canvas.getContext('2d')!;
  c.fillStyle = '#ffffff66';
  c.fillRect(0, 0, HATCH_PIXELS, HATCH_PIXELS);
  c.strokeStyle = FAILED_COLOUR;
  c.lineWidth = 4;
  for (const shift of [-HATCH_PIXELS, 0, HATCH_PIXELS]) {
    c.moveTo(shift - 2, HATCH_PIXELS + 2);
    c.lineTo(shift + HATCH_PIXELS + 2, -2);
  }
  c.stroke();
  return c.getImageData(0, 0, HATCH_PIXELS, HATCH_PIXELS);
}

/** Of a box, in metres, were it a square. */
const side: ExpressionSpecification = ['sqrt', ['get', 'area_m2']];

/** Whether a box can bear a label: at its tile's own zoom, and at the equator; it is drawn up to twice that size. */
const isLarge: ExpressionSpecification = [
  '>=',
  ['*', side, ['^', 2, ['zoom']]],
  LABELLED_BOX_PIXELS / pixelsPerMetre(0, 0),
];

function pixelsPerMetre(zoom: number, latitude: number): number {
  return (512 * 2 ** zoom) / (40_075_016.7 * Math.cos((latitude * Math.PI) / 180));
}

function colourByClass(classes: readonly ModelClass[]): ExpressionSpecification | string {
  const unknown = '#888888';
  const [first, ...rest] = classes;
  if (!first) return unknown;
  return [
    'match',
    ['get', 'class'],
    first.name,
    first.color,
    ...rest.flatMap(({ name, color }) => [name, color]),
    unknown,
  ];
}

export function hideFeatures(map: MapLibreMap): void {
  if (map.getLayer('objects-label')) map.removeLayer('objects-label');
  for (const id of COLLECTIONS) {
    for (const layer of [`${id}-fill`, `${id}-line`, `${id}-marked`]) if (map.getLayer(layer)) map.removeLayer(layer);
  }
  if (map.getSource('features')) map.removeSource('features');
}

export function setClassView(map: MapLibreMap, { hidden, opacity, leastScore }: ClassView): void {
  if (map.getLayer('live')) map.setPaintProperty('live', 'raster-opacity', opacity);
  if (!map.getSource('features')) return;
  for (const id of COLLECTIONS) {
    const without = id === 'landuse' ? [...OBJECT_CLASSES, ...hidden] : [...hidden];
    const shown: ExpressionSpecification = [
      'all',
      ['!', ['in', ['get', 'class'], ['literal', without]]],
      ['>=', ['coalesce', ['get', 'score'], 1], leastScore], // from afar they have none
    ];
    map.setFilter(`${id}-fill`, ['all', AREAS, shown]);
    for (const layer of [`${id}-line`, `${id}-marked`]) map.setFilter(layer, shown);
    const isBox = id === 'objects';
    if (isBox) map.setFilter('objects-label', ['all', isLarge, shown]);
    map.setPaintProperty(`${id}-fill`, 'fill-opacity', isBox ? opacity * BOX_FILL : opacity);
    map.setPaintProperty(`${id}-line`, 'line-opacity', Math.min(1, opacity * 2));
    map.setPaintProperty(
      `${id}-line`,
      'line-width',
      isBox
        ? 2
        : [
            'interpolate',
            ['linear'],
            ['zoom'],
            13,
            ['case', IS_LINE, 1, 0.5],
            16,
            ['case', IS_LINE, 2.25, 1],
            19,
            ['case', IS_LINE, 4, 1.75],
          ],
    );
  }
}

/** Outlines of the feature under the pointer and of the one selected, in the theme's accent. */
export function paintMarks(map: MapLibreMap): void {
  const { accent } = sheetColours();
  const selected: ExpressionSpecification = ['boolean', ['feature-state', 'selected'], false];
  const hovered: ExpressionSpecification = ['boolean', ['feature-state', 'hovered'], false];
  for (const id of COLLECTIONS) {
    const layer = `${id}-marked`;
    if (!map.getLayer(layer)) continue;
    map.setPaintProperty(layer, 'line-color', accent);
    map.setPaintProperty(layer, 'line-width', [
      'interpolate',
      ['linear'],
      ['zoom'],
      14,
      ['case', selected, 1.75, 1.25],
      17,
      ['case', selected, 3, 2],
    ]);
    map.setPaintProperty(layer, 'line-opacity', ['case', selected, 1, hovered, 1, 0]);
  }
}

/** The topmost feature shown at a point of the map's canvas. */
export function featureAt(map: MapLibreMap, point: PointLike): SelectedFeature | null {
  const feature = uppermostAt(map, point);
  return feature?.properties.id === undefined ? null : selectedFeature(feature);
}

/** Blocks of buildings and land use for maps of smaller scale stand for many features and have no id. */
export const isGeneralizedAt = (map: MapLibreMap, point: PointLike): boolean => {
  const feature = uppermostAt(map, point);
  return feature !== undefined && feature.properties.id === undefined;
};

function uppermostAt(map: MapLibreMap, point: PointLike): MapGeoJSONFeature | undefined {
  const layers = [...COLLECTIONS.map((id) => `${id}-fill`), 'roads-line'].filter((layer) => map.getLayer(layer));
  return layers.length === 0 ? undefined : map.queryRenderedFeatures(point, { layers })[0];
}

function selectedFeature({ sourceLayer, properties }: MapGeoJSONFeature): SelectedFeature {
  const { id, class: className, score, area_m2, length_m } = properties;
  return {
    id: String(id),
    collection: String(sourceLayer),
    class: String(className),
    score: Number(score),
    ...(length_m === undefined ? { area_m2: Number(area_m2) } : { length_m: Number(length_m) }),
  };
}

export function markFeature(
  map: MapLibreMap,
  mark: 'hovered' | 'selected',
  before: SelectedFeature | null,
  now: SelectedFeature | null,
): void {
  if (!map.getSource('features')) return;
  const address = ({ id, collection }: SelectedFeature) => ({ source: 'features', sourceLayer: collection, id });
  if (before) map.setFeatureState(address(before), { [mark]: false });
  if (now) map.setFeatureState(address(now), { [mark]: true });
}
