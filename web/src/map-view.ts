/** Keeps the map in step with the page's state: scene, job, classes shown, feature selected. */
import type { GeoJSONSource, Map as MapLibreMap, PaddingOptions } from 'maplibre-gl';
import type { SceneJson } from '../../server/api/index.ts';
import { getFailed, getTileJson, troubleOf } from './api.ts';
import type { Box } from './inspector.ts';
import * as layers from './layers.ts';
import { createMap, FLAT_ZOOM } from './map.ts';
import { imageryQuery, settingsShown } from './preflight.ts';
import { currentModel, currentScene, type SelectedFeature, type State, type Store } from './state.ts';
import { onThemeChange } from './theme.ts';

const FIT_MARGIN_PIXELS = 36;
const FLIGHT_MS = 2400;
const ZOOM_MS = 800;
/** Zoom levels that a click on generalized features goes nearer. */
const NEARER = 2;
/** Between two looks at a class map that grows. */
const REFRESH_MS = 2000;

export interface MapView {
  map: MapLibreMap;
  fitScene(): void;
  fitBox(box: Box): void;
}

/**
 * @param clearing how much of the container other things cover, in CSS pixels a side
 * @param openScene called when the mark of a scene is clicked
 */
export function createMapView(
  container: HTMLElement,
  store: Store,
  clearing: () => Required<PaddingOptions>,
  openScene: (id: string) => void,
): MapView {
  const link = new URLSearchParams(location.hash.slice(1));
  const linked = link.has('map');
  /** The scene whose place on the map the link gives: it is not framed when it first appears. */
  let placed = linked ? link.get('scene') : null;
  const map = createMap(container, store.get().service?.basemap ?? null);
  let shown: Record<'imagery' | 'features' | 'live' | 'scores', string | null> = {
    ...{ imagery: null, features: null, live: null, scores: null },
  };
  /** Query of the imagery that is shown. */
  let view = '';
  let last: State | null = null;

  map.setPadding(clearing());
  if (!linked) map.setZoom(globeZoom(container, clearing()));
  map.on('resize', () => map.setPadding(clearing()));

  const fitBox = (box: Box, duration = ZOOM_MS): void => {
    map.fitBounds(box, { padding: FIT_MARGIN_PIXELS, maxZoom: 19, duration });
  };
  const frameScene = (scene: SceneJson | undefined, duration: number): void => {
    if (scene?.bbox) fitBox(scene.bbox, duration);
  };

  const showImagery = async (scene: SceneJson): Promise<void> => {
    shown = { ...shown, imagery: scene.id };
    if (scene.id !== placed) frameScene(scene, map.getZoom() < FLAT_ZOOM ? FLIGHT_MS : 1200);
    placed = null;
    await drawImagery(scene.id);
  };

  /** The imagery in the bands and the stretch that are being set, or that the job shown was given. */
  const drawImagery = async (sceneId: string): Promise<void> => {
    const query = imageryQuery(settingsShown(store.get()));
    view = query;
    const tileJson = await getTileJson(`/imagery/${sceneId}.json${query && `?${query}`}`);
    if (shown.imagery !== sceneId || view !== query) return;
    layers.hideImagery(map);
    layers.showImagery(map, tileJson, store.get().imageryVisible);
  };

  const showFeatures = async (job: string): Promise<void> => {
    shown = { ...shown, features: job };
    const tileJson = await getTileJson(`/tiles/${job}.json`);
    const state = store.get();
    if (shown.features !== job) return;
    layers.showFeatures(map, tileJson, currentModel(state)?.classes ?? [], classView(state));
    if (shown.live === job) {
      shown = { ...shown, live: null };
      map.once('idle', () => shown.live === null && layers.hideLive(map));
    }
    if (!state.job?.report?.ledger.failed) return;
    const failed = await getFailed(job);
    if (shown.features === job) layers.showFailed(map, failed);
  };

  /** The class map of a running job, until its features are drawn. */
  const showLive = async (job: string): Promise<void> => {
    shown = { ...shown, live: job };
    const tileJson = await getTileJson(`/jobs/${job}/classes.json`);
    if (shown.live !== job) return;
    layers.showLive(map, tileJson, store.get().classOpacity);
    const refresh = setInterval(() => {
      if (shown.live === job) layers.refreshLive(map);
      else clearInterval(refresh);
    }, REFRESH_MS);
  };

  const showScores = async (job: string): Promise<void> => {
    shown = { ...shown, scores: job };
    const tileJson = await getTileJson(`/jobs/${job}/scores.json`);
    if (shown.scores === job) layers.showScores(map, tileJson);
  };

  const updateLive = ({ job }: State, sceneId: string | null): void => {
    // Boxes have no map that grows.
    const maps = currentModel(store.get())?.task !== 'detection';
    const running = job?.state === 'running' && job.scene === sceneId && maps ? job : null;
    if (running && shown.live !== running.id) showLive(running.id).catch(tell);
    // That of a job that is done stays until its features are drawn.
    else if (!running && shown.live && !(job?.state === 'done' && job.id === shown.live)) {
      shown = { ...shown, live: null };
      layers.hideLive(map);
    }
  };

  const tell = (error: unknown) => store.set({ trouble: troubleOf(error) });

  const update = (state: State): void => {
    const scene = currentScene(state);
    const sceneId = scene?.state === 'ready' ? scene.id : null;
    const jobId = state.job?.state === 'done' && sceneId === state.job.scene ? state.job.id : null;
    if (state.scenes !== last?.scenes || state.sceneId !== last?.sceneId) drawFootprints(map, state.scenes);
    if (shown.features !== jobId) {
      layers.hideFeatures(map);
      layers.hideFailed(map);
      shown = { ...shown, features: null };
      if (jobId) showFeatures(jobId).catch(tell);
    }
    if (shown.imagery !== sceneId) {
      layers.hideImagery(map);
      shown = { ...shown, imagery: null };
      if (scene && sceneId) showImagery(scene).catch(tell);
    } else if (sceneId && imageryQuery(settingsShown(state)) !== view) drawImagery(sceneId).catch(tell);
    const scored = state.scoresVisible && currentModel(state)?.task !== 'detection' ? jobId : null;
    if (shown.scores !== scored) {
      layers.hideScores(map);
      shown = { ...shown, scores: null };
      if (scored) showScores(scored).catch(tell);
    }
    if (sceneId && last?.sceneId === sceneId && currentScene(last)?.attribution !== scene?.attribution) {
      drawImagery(sceneId).catch(tell);
      if (jobId) showFeatures(jobId).catch(tell);
    }
    updateLive(state, sceneId);
    const viewed = ['hiddenClasses', 'classOpacity', 'leastScore'] as const;
    if (viewed.some((each) => state[each] !== last?.[each])) {
      layers.setClassView(map, classView(state));
    }
    if (state.imageryVisible !== last?.imageryVisible) layers.setImageryVisible(map, state.imageryVisible);
    if (state.selected !== (last?.selected ?? null))
      layers.markFeature(map, 'selected', last?.selected ?? null, state.selected);
    last = state;
  };

  map.on('load', () => {
    store.subscribe(update);
    onThemeChange(() => layers.paintMarks(map));
    listenToPointer(map, store, openScene);
  });

  return { map, fitScene: () => frameScene(currentScene(store.get()), 900), fitBox };
}

const classView = ({ hiddenClasses, classOpacity, leastScore }: State): layers.ClassView => ({
  hidden: hiddenClasses,
  opacity: classOpacity,
  leastScore,
});

/** The zoom at which the globe takes four fifths of the free part of the page. */
function globeZoom(container: HTMLElement, { top, right, bottom, left }: Required<PaddingOptions>): number {
  const side = Math.min(container.clientWidth - left - right, container.clientHeight - top - bottom);
  return Math.log2((0.8 * side * Math.PI) / 512);
}

function drawFootprints(map: MapLibreMap, scenes: readonly SceneJson[]): void {
  const placed = scenes.filter(({ state, footprint, bbox }) => state === 'ready' && footprint && bbox);
  const footprints = placed.map(({ id, footprint }) => {
    return { type: 'Feature', properties: { id }, geometry: footprint! } as const;
  });
  const places = placed.map(({ id, bbox }) => {
    const coordinates = [(bbox![0] + bbox![2]) / 2, (bbox![1] + bbox![3]) / 2];
    return { type: 'Feature', properties: { id }, geometry: { type: 'Point', coordinates } } as const;
  });
  map.getSource<GeoJSONSource>('footprints')?.setData({ type: 'FeatureCollection', features: footprints });
  map.getSource<GeoJSONSource>('places')?.setData({ type: 'FeatureCollection', features: places });
}

function listenToPointer(map: MapLibreMap, store: Store, openScene: (id: string) => void): void {
  const canvas = map.getCanvas();
  let hovered: SelectedFeature | null = null;
  const hover = (feature: SelectedFeature | null, pointing: boolean) => {
    canvas.style.setProperty('cursor', pointing ? 'pointer' : '');
    if (feature?.id === hovered?.id) return;
    layers.markFeature(map, 'hovered', hovered, feature);
    hovered = feature;
  };
  const sceneAt = (point: { x: number; y: number }): string | undefined => {
    const reach = 8;
    const box: [[number, number], [number, number]] = [
      [point.x - reach, point.y - reach],
      [point.x + reach, point.y + reach],
    ];
    return map.getZoom() < 10 ? map.queryRenderedFeatures(box, { layers: ['places'] })[0]?.properties.id : undefined;
  };
  map.on('mousemove', ({ point }) => {
    const feature = layers.featureAt(map, point);
    hover(feature, feature !== null || sceneAt(point) !== undefined || layers.isGeneralizedAt(map, point));
  });
  map.on('mouseout', () => hover(null, false));
  map.on('click', ({ point, lngLat }) => {
    const scene = sceneAt(point);
    if (scene) {
      openScene(scene);
      return;
    }
    store.set({ selected: layers.featureAt(map, point) });
    // What stands for many features cannot be looked at by itself: nearer by, they can.
    if (layers.isGeneralizedAt(map, point)) map.easeTo({ center: lngLat, zoom: map.getZoom() + NEARER });
  });
  // The keyboard's pointer is the middle of the free part of the map, where base.css shows a cross while it has focus.
  canvas.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    store.set({ selected: layers.featureAt(map, map.project(map.getCenter())) });
  });
}
