/** Strokes on the map: drawn with pointer, finger or keyboard, and shown in the colours of their classes. */
import type { Feature, FeatureCollection } from 'geojson';
import type { GeoJSONSource, Map as MapLibreMap } from 'maplibre-gl';
import type { LabelJson } from '../../service/types.ts';

/** On the screen, so that the brush is finer where the map is nearer. */
const BRUSH_PIXELS = 12;
const MOST_WIDTH_METRES = 1000;
/** A pointer is asked for its place so often. */
const STEP_PIXELS = 3;
const EARTH_METRES = 40_075_016.686;
const TILE_PIXELS = 512;
const FINEST_ZOOM = 24;
const CONTRADICTED_COLOUR = '#ff6a00';

type Position = [lon: number, lat: number];
export interface Stroke {
  geometry: LabelJson['geometry'];
  width_m: number;
}
export interface Shown {
  geometry: LabelJson['geometry'];
  widthMetres: number | null;
  color: string;
  contradicted: boolean;
}

/** Of a pixel of the map, metres at a latitude. */
const metresPerPixel = (lat: number, zoom: number): number =>
  (EARTH_METRES * Math.cos((lat * Math.PI) / 180)) / (TILE_PIXELS * 2 ** zoom);

export interface Painting {
  show(labels: readonly Shown[]): void;
  /** The colour that strokes are drawn in; null: the map is moved instead. */
  setBrush(color: string | null): void;
  stop(): void;
}

/** @param onStroke is given what was drawn */
export function startPainting(map: MapLibreMap, onStroke: (stroke: Stroke) => void): Painting {
  addLayers(map, 'labels');
  addLayers(map, 'stroke');
  const surface = document.createElement('div');
  surface.className = 'paint-surface';
  surface.hidden = true;
  map.getCanvasContainer().append(surface);
  let color: string | null = null;
  let points: Position[] = [];
  let last = { x: 0, y: 0 };
  let pointer: number | null = null;
  const down = new Set<number>();

  const width = () => {
    const { lat } = map.getCenter();
    const metres = BRUSH_PIXELS * metresPerPixel(lat, map.getZoom());
    return Math.min(MOST_WIDTH_METRES, Number(metres.toPrecision(3)));
  };
  const geometryOf = (chain: readonly Position[]): Stroke['geometry'] =>
    chain.length > 1 ? { type: 'LineString', coordinates: [...chain] } : { type: 'Point', coordinates: [...chain[0]!] };
  const draw = () =>
    setData(
      map,
      'stroke',
      points.length > 0
        ? [{ geometry: geometryOf(points), widthMetres: width(), color: color!, contradicted: false }]
        : [],
    );
  const forget = () => {
    points = [];
    pointer = null;
    draw();
  };
  const placeOf = ({ clientX, clientY }: PointerEvent) => {
    const { left, top } = surface.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  };
  const take = (event: PointerEvent) => {
    last = placeOf(event);
    const { lng, lat } = map.unproject([last.x, last.y]);
    points.push([lng, lat]);
    draw();
  };
  const begin = (event: PointerEvent) => {
    down.add(event.pointerId);
    // A second finger moves the map.
    if (down.size > 1 || event.button !== 0) return forget();
    surface.setPointerCapture(event.pointerId);
    pointer = event.pointerId;
    points = [];
    take(event);
  };
  const goOn = (event: PointerEvent) => {
    if (event.pointerId !== pointer) return;
    const { x, y } = placeOf(event);
    if (Math.hypot(x - last.x, y - last.y) >= STEP_PIXELS) take(event);
  };
  const end = (event: PointerEvent) => {
    down.delete(event.pointerId);
    if (event.pointerId !== pointer) return;
    const stroke = { geometry: geometryOf(points), width_m: width() };
    forget();
    if (event.type === 'pointerup') onStroke(stroke);
  };
  surface.addEventListener('pointerdown', begin);
  surface.addEventListener('pointermove', goOn);
  surface.addEventListener('pointerup', end);
  surface.addEventListener('pointercancel', end);
  // The map would look for a feature there, or under each step of a stroke.
  surface.addEventListener('click', (event) => event.stopPropagation());
  surface.addEventListener('mousemove', (event) => pointer !== null && event.stopPropagation());
  // With the keyboard: a dot in the middle of the free part of the map, where a cross is shown.
  const canvas = map.getCanvasContainer();
  const dot = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || color === null) return;
    event.stopPropagation();
    const { lng, lat } = map.getCenter();
    onStroke({ geometry: geometryOf([[lng, lat]]), width_m: width() });
  };
  canvas.addEventListener('keydown', dot, { capture: true });

  const setBrush = (next: string | null) => {
    // What others draw meanwhile breaks no stroke off.
    if (next === color) return;
    color = next;
    forget();
    surface.hidden = next === null;
    for (const handler of [map.dragPan, map.doubleClickZoom, map.boxZoom]) {
      if (next === null) handler.enable();
      else handler.disable();
    }
  };
  return {
    show: (labels) => setData(map, 'labels', labels),
    setBrush,
    stop() {
      setBrush(null);
      surface.remove();
      canvas.removeEventListener('keydown', dot, { capture: true });
      for (const source of ['labels', 'stroke']) {
        for (const layer of LAYERS) if (map.getLayer(`${source}-${layer}`)) map.removeLayer(`${source}-${layer}`);
        if (map.getSource(source)) map.removeSource(source);
      }
    },
  };
}

const LAYERS = ['area', 'edge', 'line', 'dot'] as const;

function addLayers(map: MapLibreMap, source: string): void {
  map.addSource(source, { type: 'geojson', data: collectionOf([]) });
  // Twice as wide with each zoom level, as the ground is; thinner than a hair, a stroke is still seen.
  const width = (more: number) =>
    [
      ...['interpolate', ['exponential', 2], ['zoom']],
      ...[0, ['max', 2 + more, ['get', 'pixels']], FINEST_ZOOM, ['*', ['get', 'pixels'], 2 ** FINEST_ZOOM]],
    ] as never;
  const round = { 'line-cap': 'round', 'line-join': 'round' } as const;
  const lines = ['!=', ['geometry-type'], 'Point'] as never;
  const color = ['get', 'color'] as never;
  map.addLayer({
    ...{ id: `${source}-area`, type: 'fill', source, filter: ['==', ['geometry-type'], 'Polygon'] },
    paint: { 'fill-color': color, 'fill-opacity': 0.45 },
  });
  map.addLayer({
    ...{ id: `${source}-edge`, type: 'line', source, filter: lines, layout: round },
    paint: { 'line-color': ['get', 'edge'], 'line-width': width(2), 'line-gap-width': 0, 'line-blur': 0 },
  });
  map.addLayer({
    ...{ id: `${source}-line`, type: 'line', source, filter: lines, layout: round },
    paint: { 'line-color': color, 'line-width': width(0), 'line-opacity': 0.9 },
  });
  map.addLayer({
    ...{ id: `${source}-dot`, type: 'circle', source, filter: ['==', ['geometry-type'], 'Point'] },
    paint: {
      ...{ 'circle-color': color, 'circle-stroke-color': ['get', 'edge'], 'circle-stroke-width': 1.5 },
      'circle-radius': [
        ...['interpolate', ['exponential', 2], ['zoom']],
        ...[0, ['max', 3, ['/', ['get', 'pixels'], 2]], FINEST_ZOOM, ['*', ['get', 'pixels'], 2 ** (FINEST_ZOOM - 1)]],
      ] as never,
    },
  });
}

function setData(map: MapLibreMap, source: string, labels: readonly Shown[]): void {
  map.getSource<GeoJSONSource>(source)?.setData(collectionOf(labels));
}

const collectionOf = (labels: readonly Shown[]): FeatureCollection => ({
  type: 'FeatureCollection',
  features: labels.map(({ geometry, widthMetres, color, contradicted }): Feature => {
    const pixels = (widthMetres ?? 1) / metresPerPixel(firstOf(geometry.coordinates)[1]!, 0);
    const edge = contradicted ? CONTRADICTED_COLOUR : '#ffffff';
    return { type: 'Feature', geometry: geometry as Feature['geometry'], properties: { color, edge, pixels } };
  }),
});

function firstOf(coordinates: unknown): readonly number[] {
  const [first] = coordinates as [unknown];
  return Array.isArray(first) ? firstOf(first) : (coordinates as number[]);
}
