/** A map of the imagery alone, with the square that somebody is to look at. */
import type { FeatureCollection } from 'geojson';
import { type GeoJSONSource, Map as MapLibreMap } from 'maplibre-gl';
import { showImagery } from '../../map/layers.ts';
import { getTileJson } from '../../service/api.ts';
import type { NextPointJson, SceneJson } from '../../service/types.ts';

type Point = NonNullable<NextPointJson['point']>;

export interface ReviewMap {
  show(point: Point): void;
  zoomBy(levels: number): void;
  remove(): void;
}

/** Sides of the square on the page, in CSS pixels, before anybody goes nearer. */
const SQUARE_PIXELS = 7;
/** Of the whole Earth in CSS pixels at zoom 0. */
const WORLD_PIXELS = 512;
const NOTHING: FeatureCollection = { type: 'FeatureCollection', features: [] };

/**
 * @param query bands and stretch of the imagery
 * @param failed told where the imagery cannot be had
 */
export function createReviewMap(
  container: HTMLElement,
  scene: SceneJson,
  query: string,
  failed: (error: unknown) => void,
): ReviewMap {
  const map = new MapLibreMap({
    container,
    style: {
      version: 8,
      sources: {},
      layers: [{ id: 'ground', type: 'background', paint: { 'background-color': '#20262a' } }],
    },
    attributionControl: { compact: false },
    center: [
      ((scene.bbox?.[0] ?? 0) + (scene.bbox?.[2] ?? 0)) / 2,
      ((scene.bbox?.[1] ?? 0) + (scene.bbox?.[3] ?? 0)) / 2,
    ],
    zoom: 14,
    maxZoom: 24,
    maxPitch: 0,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    keyboard: false, // keys are classes here
  });
  map.touchZoomRotate.disableRotation();
  let nearer = 0;
  let wanted: Point | null = null;
  const draw = () => {
    if (!wanted || !map.getSource('point')) return;
    const ring = [...wanted.pixel, wanted.pixel[0]!] as [number, number][];
    map.getSource<GeoJSONSource>('point')!.setData({
      type: 'FeatureCollection',
      features: [{ type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [ring] } }],
    });
    map.jumpTo({ center: [wanted.lon, wanted.lat], zoom: zoomFor(wanted) + nearer });
    container.dataset.point = String(wanted.number);
  };
  map.on('load', async () => {
    map.addSource('point', { type: 'geojson', data: NOTHING, tolerance: 0 });
    // Of the name under which imagery is put. Dark under light, so that it is seen on any ground; the square stays open, since it is looked into.
    map.addLayer({
      id: 'footprints',
      type: 'line',
      source: 'point',
      paint: { 'line-color': '#000000', 'line-width': 4, 'line-opacity': 0.7 },
    });
    map.addLayer({
      id: 'square',
      type: 'line',
      source: 'point',
      paint: { 'line-color': '#ffffff', 'line-width': 1.75 },
    });
    draw();
    await getTileJson(`/imagery/${scene.id}.json${query && `?${query}`}`).then(
      (tileJson) => showImagery(map, tileJson, true),
      failed,
    );
  });
  map.on('idle', () => {
    container.dataset.idle = container.dataset.point;
  });
  return {
    show(point) {
      wanted = point;
      draw();
    },
    zoomBy(levels) {
      nearer += levels;
      map.zoomTo(map.getZoom() + levels, { duration: 150 });
    },
    remove: () => map.remove(),
  };
}

/** At which the point's pixel is SQUARE_PIXELS high. */
function zoomFor({ pixel }: Point): number {
  const lats = pixel.map(([, lat]) => lat!);
  const mercator = (lat: number) => Math.asinh(Math.tan((lat * Math.PI) / 180)) / (2 * Math.PI);
  const side = mercator(Math.max(...lats)) - mercator(Math.min(...lats));
  return Math.min(23, Math.log2(SQUARE_PIXELS / (WORLD_PIXELS * side)));
}
