/** The map itself: paper, a globe when seen from afar, the graticule; everything north up. */
import type { FeatureCollection } from 'geojson';
import { type GeoJSONSource, Map as MapLibreMap, type StyleSpecification, setWorkerUrl } from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url';
import 'maplibre-gl/dist/maplibre-gl.css';
import { t } from '../messages/index.ts';
import { mapColours } from '../theme.ts';
import { type Extent, graticuleLines, graticuleStep } from './graticule.ts';

setWorkerUrl(workerUrl);

/** From this zoom on the map is flat (Web Mercator); below GLOBE_ZOOM it is a globe. */
export const FLAT_ZOOM = 6;
const GLOBE_ZOOM = 4.5;
const EMPTY: FeatureCollection = { type: 'FeatureCollection', features: [] };

function paperStyle(): StyleSpecification {
  const { paper } = mapColours.value;
  return {
    version: 8,
    projection: {
      type: ['interpolate', ['linear'], ['zoom'], GLOBE_ZOOM, 'vertical-perspective', FLAT_ZOOM, 'mercator'],
    },
    sources: {},
    layers: [{ id: 'paper', type: 'background', paint: { 'background-color': paper } }],
  };
}

/** @param basemap a MapLibre style URL; without one nothing is asked of any other host */
export function createMap(container: HTMLElement, basemap: string | null): MapLibreMap {
  const map = new MapLibreMap({
    container,
    style: basemap ?? paperStyle(),
    hash: 'map',
    locale: { 'Map.Title': t.map.view },
    attributionControl: false, // it stands beside the scale bar: see map-controls.tsx
    center: [24, 30],
    zoom: 1.5,
    minZoom: 0.4,
    maxZoom: 22,
    maxPitch: 0,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    fadeDuration: 200,
    canvasContextAttributes: { antialias: true },
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.on('load', () => addSheet(map));
  // For tests and scripts: whether everything that is to be seen has been drawn.
  map.on('render', () => {
    document.body.dataset.idle = 'false';
  });
  map.on('idle', () => {
    document.body.dataset.idle = 'true';
  });
  return map;
}

/** Graticule and footprints: what lies under and over the imagery of every scene. */
function addSheet(map: MapLibreMap): void {
  map.addSource('graticule', { type: 'geojson', data: EMPTY, tolerance: 0 });
  map.addSource('footprints', { type: 'geojson', data: EMPTY });
  map.addSource('places', { type: 'geojson', data: EMPTY });
  map.addLayer({
    id: 'graticule',
    type: 'line',
    source: 'graticule',
    paint: { 'line-width': ['interpolate', ['linear'], ['zoom'], GLOBE_ZOOM, 1.7, FLAT_ZOOM, 1] },
  });
  map.addLayer({
    id: 'footprints',
    type: 'line',
    source: 'footprints',
    paint: { 'line-width': 1, 'line-opacity': 0.55 },
  });
  map.addLayer({
    id: 'places',
    type: 'circle',
    source: 'places',
    maxzoom: 10,
    paint: {
      'circle-radius': ['interpolate', ['linear'], ['zoom'], 1, 5, 9, 7],
      'circle-stroke-width': 2,
      'circle-opacity': ['interpolate', ['linear'], ['zoom'], 8.5, 1, 9.5, 0],
      'circle-stroke-opacity': ['interpolate', ['linear'], ['zoom'], 8.5, 1, 9.5, 0],
    },
  });
  mapColours.subscribe(({ paper, line, ink, accent }) => {
    if (map.getLayer('paper')) map.setPaintProperty('paper', 'background-color', paper);
    map.setPaintProperty('graticule', 'line-color', line);
    map.setPaintProperty('footprints', 'line-color', ink);
    map.setPaintProperty('places', 'circle-color', accent);
    map.setPaintProperty('places', 'circle-stroke-color', paper);
  });
  keepGraticule(map);
}

/** Draws the graticule anew when its step changes or the view leaves what was drawn. */
function keepGraticule(map: MapLibreMap): void {
  let drawn: { step: number; extent: Extent } | null = null;
  const update = () => {
    const step = graticuleStep(map.getZoom());
    const view = viewExtent(map);
    if (drawn && drawn.step === step && contains(drawn.extent, view)) return;
    const extent = step >= 5 ? WORLD : grow(view);
    drawn = { step, extent };
    map.getSource<GeoJSONSource>('graticule')?.setData(graticuleLines(extent, step));
  };
  map.on('move', update);
  map.on('resize', update);
  update();
}

const WORLD: Extent = [-180, -85, 180, 85];

export function viewExtent(map: MapLibreMap): Extent {
  if (map.getZoom() < FLAT_ZOOM) return WORLD;
  const bounds = map.getBounds();
  return [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
}

const contains = (a: Extent, b: Extent): boolean => a[0] <= b[0] && a[1] <= b[1] && a[2] >= b[2] && a[3] >= b[3];

function grow([west, south, east, north]: Extent): Extent {
  const lon = east - west;
  const lat = north - south;
  return [west - lon, Math.max(-85, south - lat), east + lon, Math.min(85, north + lat)];
}
