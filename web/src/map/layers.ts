/** A scene's imagery and a job's features as MapLibre sources and layers. */
import type { MapGeoJSONFeature, Map as MapLibreMap, PointLike, RasterLayerSpecification } from 'maplibre-gl';
import type { FailedJson, ModelClass, TileJson } from '../service/types.ts';
import type { SelectedFeature } from '../state.ts';
import { mapColours } from '../theme.ts';
import * as styles from './layer-styles.ts';

const { COLLECTIONS } = styles;
/** Everything of a scene lies below the footprints. */
const ABOVE = 'footprints';
const LOWEST_MARK = 'landuse-marked';

/** Of what could not be computed: a colour that no class has, on imagery of any brightness. */
const FAILED_COLOUR = '#ff6a00';
const HATCH_PIXELS = 16;

/** Of maps of classes and scores: every pixel as it is, at once. */
const PIXELS = { 'raster-fade-duration': 0, 'raster-resampling': 'nearest' } as const;

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

/** Takes away a source and its layers, those of them that are there. */
function hide(map: MapLibreMap, source: string, layers: readonly string[] = [source]): void {
  for (const layer of layers) if (map.getLayer(layer)) map.removeLayer(layer);
  if (map.getSource(source)) map.removeSource(source);
}

export const hideImagery = (map: MapLibreMap): void => hide(map, 'imagery');

export function setImageryVisible(map: MapLibreMap, visible: boolean): void {
  if (map.getLayer('imagery')) map.setLayoutProperty('imagery', 'visibility', visible ? 'visible' : 'none');
}

export function showFeatures(
  map: MapLibreMap,
  tileJson: TileJson,
  classes: readonly ModelClass[],
  view: styles.ClassView,
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
  const fill = { 'fill-color': styles.colourByClass(classes), 'fill-antialias': false };
  const round = { 'line-join': 'round' } as const;
  for (const id of COLLECTIONS) {
    const of = { source: 'features', 'source-layer': id } as const;
    // Neighbours meet without a seam only when fills are not smoothed along their edges; the outline does that.
    map.addLayer({ id: `${id}-fill`, type: 'fill', ...of, filter: styles.AREAS, paint: fill }, ABOVE);
    const paint = { 'line-color': styles.lineColour(classes), 'line-width': styles.lineWidth(id) };
    map.addLayer({ id: `${id}-line`, type: 'line', ...of, layout: round, paint }, ABOVE);
  }
  for (const id of COLLECTIONS) {
    const of = { source: 'features', 'source-layer': id } as const;
    const paint = { 'line-width': styles.markWidth, 'line-opacity': styles.markOpacity };
    map.addLayer({ id: `${id}-marked`, type: 'line', ...of, layout: round, paint }, ABOVE);
  }
  map.addLayer({
    id: 'objects-label',
    type: 'symbol',
    source: 'features',
    'source-layer': 'objects',
    filter: styles.isLabelled,
    layout: {
      'text-field': ['concat', ['get', 'class'], ' ', ['round', ['*', 100, ['get', 'score']]], '\u202f%'],
      'text-font': ['Inter Variable'],
      'text-size': styles.LABEL_PIXELS,
      'text-anchor': 'bottom',
      'text-radial-offset': styles.labelOffset((bounds[1] + bounds[3]) / 2),
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
  addRaster(map, 'live', tileJson, { ...PIXELS, 'raster-opacity': opacity }, ABOVE);
}

/** Asks for its tiles again; those that are drawn stay until the new ones are here. */
export function refreshLive(map: MapLibreMap): void {
  if (map.getSource('live')) map.refreshTiles('live');
}

export const hideLive = (map: MapLibreMap): void => hide(map, 'live');

/** How sure the network was of each pixel, over the features and under what marks them. */
export function showScores(map: MapLibreMap, tileJson: TileJson): void {
  hideScores(map);
  const above = map.getLayer(LOWEST_MARK) ? LOWEST_MARK : ABOVE;
  addRaster(map, 'scores', tileJson, { ...PIXELS, 'raster-opacity': 0.9 }, above);
}

export const hideScores = (map: MapLibreMap): void => hide(map, 'scores');

/** Hatches the parts of the map that could not be computed. */
export function showFailed(map: MapLibreMap, areas: FailedJson): void {
  hideFailed(map);
  if (!map.hasImage('hatch')) map.addImage('hatch', hatch(), { pixelRatio: 2 });
  map.addSource('failed', { type: 'geojson', data: areas });
  map.addLayer({ id: 'failed-fill', type: 'fill', source: 'failed', paint: { 'fill-pattern': 'hatch' } }, ABOVE);
  const paint = { 'line-color': FAILED_COLOUR, 'line-width': 1.5 };
  map.addLayer({ id: 'failed-line', type: 'line', source: 'failed', paint }, ABOVE);
}

export const hideFailed = (map: MapLibreMap): void => hide(map, 'failed', ['failed-fill', 'failed-line']);

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

export function hideFeatures(map: MapLibreMap): void {
  const layers = COLLECTIONS.flatMap((id) => [`${id}-fill`, `${id}-line`, `${id}-marked`]);
  hide(map, 'features', ['objects-label', ...layers]);
}

export function setClassView(map: MapLibreMap, view: styles.ClassView): void {
  if (map.getLayer('live')) map.setPaintProperty('live', 'raster-opacity', view.opacity);
  if (!map.getSource('features')) return;
  for (const id of COLLECTIONS) {
    const shown = styles.shownFilter(id, view);
    map.setFilter(`${id}-fill`, ['all', styles.AREAS, shown]);
    for (const layer of [`${id}-line`, `${id}-marked`]) map.setFilter(layer, shown);
    if (id === 'objects') map.setFilter('objects-label', ['all', styles.isLabelled, shown]);
    map.setPaintProperty(`${id}-fill`, 'fill-opacity', styles.fillOpacity(id, view));
    map.setPaintProperty(`${id}-line`, 'line-opacity', styles.lineOpacity(view));
  }
}

/** Draws the outlines of what is hovered and selected in the theme's accent. */
export function paintMarks(map: MapLibreMap): void {
  for (const id of COLLECTIONS) {
    if (map.getLayer(`${id}-marked`)) map.setPaintProperty(`${id}-marked`, 'line-color', mapColours.value.accent);
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
  const found = layers.length === 0 ? [] : map.queryRenderedFeatures(point, { layers });
  // After a zoom, tiles of the smaller scale stay for a while under those that have come.
  return found.find(({ layer, properties }) => layer.id === found[0].layer.id && 'id' in properties) ?? found[0];
}

function selectedFeature({ sourceLayer, properties }: MapGeoJSONFeature): SelectedFeature {
  const { id, class: className, score, area_m2, length_m } = properties;
  return {
    id: String(id),
    collection: String(sourceLayer),
    class: String(className),
    score: score === undefined ? null : Number(score),
    ...(length_m === undefined ? { area_m2: Number(area_m2) } : { length_m: Number(length_m) }),
  };
}

/** Says of a feature whether it is hovered or selected. */
export function markFeature(
  map: MapLibreMap,
  mark: 'hovered' | 'selected',
  { id, collection }: SelectedFeature,
  on: boolean,
): void {
  if (map.getSource('features')) {
    map.setFeatureState({ source: 'features', sourceLayer: collection, id }, { [mark]: on });
  }
}
