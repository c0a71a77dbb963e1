/** Keeps the map in step with the page's state: scene, job, classes shown, feature selected. */
import { computed, effect, type ReadonlySignal, untracked } from '@preact/signals';
import type { GeoJSONSource, Map as MapLibreMap, PaddingOptions } from 'maplibre-gl';
import { imageryQuery } from '../job-settings.ts';
import { getFailed, getTileJson, messageOf } from '../service/api.ts';
import type { SceneJson } from '../service/types.ts';
import type { SelectedFeature, State } from '../state.ts';
import { mapColours } from '../theme.ts';
import { toTool } from '../tool-in-hand.ts';
import { createMap, FLAT_ZOOM } from './create-map.ts';
import type { ClassView } from './layer-styles.ts';
import * as layers from './layers.ts';

const FIT_MARGIN_PIXELS = 36;
/** Of the card of a feature and what stands beside it. */
const CARD_PIXELS = 350;
const LEAST_WIDTH_WITH_CARD = 1100;
const FLIGHT_MS = 2400;
const ZOOM_MS = 800;
/** Zoom levels that a click on generalized features goes nearer. */
const NEARER = 2;
/** Between two looks at a class map that grows. */
const REFRESH_MS = 2000;

/** west, south, east, north in degrees. */
export type Box = [number, number, number, number];

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
  state: State,
  clearing: () => Required<PaddingOptions>,
  openScene: (id: string) => void,
): MapView {
  const link = new URLSearchParams(location.hash.slice(1));
  const linked = link.has('map');
  const map = createMap(container, state.service.value?.basemap ?? null);
  map.setPadding(clearing());
  if (!linked) map.setZoom(globeZoom(container, clearing()));
  map.on('resize', () => map.setPadding(clearing()));

  const fitBox = (box: Box, duration = ZOOM_MS): void => {
    // Beside the card of the feature that is selected, where there is room for both.
    const card = state.selected.value && container.clientWidth >= LEAST_WIDTH_WITH_CARD ? CARD_PIXELS : 0;
    const [top, bottom, left] = [FIT_MARGIN_PIXELS, FIT_MARGIN_PIXELS, FIT_MARGIN_PIXELS];
    map.fitBounds(box, { padding: { top, bottom, left, right: left + card }, maxZoom: 19, duration });
  };
  const fitScene = (duration = 900): void => {
    const bbox = state.scene.value?.bbox;
    if (bbox) fitBox(bbox, duration);
  };

  map.on('load', () => {
    // Of the scene that is open, once it has been read; and of its job, once that is done.
    const scene = computed(() => (state.scene.value?.state === 'ready' ? state.scene.value.id : null));
    const job = computed(() => {
      const shown = state.doneJob.value ?? state.keptJob.value;
      return shown?.scene === scene.value ? shown!.id : null;
    });
    const shown = { scene, job, attribution: computed(() => state.scene.value?.attribution) };
    effect(() => drawFootprints(map, state.scenes.value));
    // The scene whose place on the map the link gives is not framed when it first appears.
    let placed = linked ? link.get('scene') : null;
    scene.subscribe((id) => {
      if (id && id !== placed) fitScene(map.getZoom() < FLAT_ZOOM ? FLIGHT_MS : 1200);
      if (id) placed = null;
    });
    keepImagery(map, state, shown);
    keepFeatures(map, state, shown);
    keepScores(map, state, shown);
    effect(() => layers.setClassView(map, classView(state)));
    effect(() => layers.setImageryVisible(map, state.imageryVisible.value));
    effect(() => {
      const selected = state.selected.value;
      if (!selected) return;
      layers.markFeature(map, 'selected', selected, true);
      return () => layers.markFeature(map, 'selected', selected, false);
    });
    mapColours.subscribe(() => layers.paintMarks(map));
    listenToPointer(map, state, openScene);
  });

  return { map, fitScene, fitBox };
}

interface Shown {
  scene: ReadonlySignal<string | null>;
  job: ReadonlySignal<string | null>;
  attribution: ReadonlySignal<string | null | undefined>;
}

/**
 * Draws something of what a signal names, anew when that or one of `also` changes; what fails is told on the page. What
 * was drawn of the former id is taken away by `hide`. `draw` gives up where its signal was aborted meanwhile.
 */
function keep(
  state: State,
  id: ReadonlySignal<string | null>,
  also: readonly ReadonlySignal<unknown>[],
  draw: (id: string, signal: AbortSignal) => Promise<void>,
  hide: () => void,
): void {
  effect(() => {
    if (id.value !== null) return hide;
  });
  effect(() => {
    for (const each of also) each.value; // read, so that this runs again when it changes
    const now = id.value;
    if (now === null) return;
    const abort = new AbortController();
    untracked(() => draw(now, abort.signal)).catch((error) => {
      if (!abort.signal.aborted) state.error.value = messageOf(error);
    });
    return () => abort.abort();
  });
}

/** The imagery in the bands and the stretch that are being set, or that the job shown was given. */
function keepImagery(map: MapLibreMap, state: State, { scene, attribution }: Shown): void {
  const query = computed(() => imageryQuery(state.settingsShown.value));
  const draw = async (id: string, signal: AbortSignal) => {
    const tileJson = await getTileJson(`/imagery/${id}.json${query.value && `?${query.value}`}`);
    if (!signal.aborted) layers.showImagery(map, tileJson, state.imageryVisible.value);
  };
  keep(state, scene, [query, attribution], draw, () => layers.hideImagery(map));
}

/** The features of a job that is done, and until they are drawn the class map that grew while it ran. */
function keepFeatures(map: MapLibreMap, state: State, { scene, job, attribution }: Shown): void {
  /** The job whose class map is on the map. */
  let live: string | null = null;
  const hideLive = () => {
    live = null;
    layers.hideLive(map);
  };
  const hideFeatures = () => {
    layers.hideFeatures(map);
    layers.hideFailed(map);
  };
  const drawFeatures = async (id: string, signal: AbortSignal) => {
    const tileJson = await getTileJson(`/tiles/${id}.json`);
    if (signal.aborted) return;
    layers.showFeatures(map, tileJson, state.model.value?.classes ?? [], classView(state));
    if (state.selected.value) layers.markFeature(map, 'selected', state.selected.value, true);
    if (live === id) {
      live = null;
      map.once('idle', () => live === null && layers.hideLive(map));
    }
    if (!state.job.value?.report?.ledger.failed) return;
    const failed = await getFailed(id);
    if (!signal.aborted) layers.showFailed(map, failed);
  };
  const drawLive = async (id: string) => {
    live = id;
    const tileJson = await getTileJson(`/jobs/${id}/classes.json`);
    if (live !== id) return;
    layers.showLive(map, tileJson, state.classOpacity.value);
    const refresh = setInterval(() => {
      if (live === id) layers.refreshLive(map);
      else clearInterval(refresh);
    }, REFRESH_MS);
  };
  keep(state, job, [attribution], drawFeatures, hideFeatures);
  // Boxes have no map that grows.
  const running = computed(() => {
    const { value } = state.job;
    const kept = state.keptJob.value?.scene === scene.value;
    return value?.state === 'running' && value.scene === scene.value && !state.detects.value && !kept ? value.id : null;
  });
  effect(() => {
    const done = state.doneJob.value?.id;
    const now = running.value;
    if (now && now !== live) {
      untracked(() => drawLive(now)).catch((error) => {
        state.error.value = messageOf(error);
      });
    } else if (!now && live && live !== done) hideLive();
  });
}

/** How sure the network was, where that is to be seen; boxes have no map of it. */
function keepScores(map: MapLibreMap, state: State, { job }: Shown): void {
  const scored = computed(() => (state.scoresVisible.value && !state.detects.value ? job.value : null));
  const draw = async (id: string, signal: AbortSignal) => {
    const tileJson = await getTileJson(`/jobs/${id}/scores.json`);
    if (!signal.aborted) layers.showScores(map, tileJson);
  };
  keep(state, scored, [], draw, () => layers.hideScores(map));
}

const classView = ({ hiddenClasses, classOpacity, ranges }: State): ClassView => ({
  hidden: hiddenClasses.value,
  opacity: classOpacity.value,
  ranges: ranges.value,
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

function listenToPointer(map: MapLibreMap, state: State, openScene: (id: string) => void): void {
  const canvas = map.getCanvas();
  let hovered: SelectedFeature | null = null;
  const hover = (feature: SelectedFeature | null, pointing: boolean) => {
    canvas.style.setProperty('cursor', pointing ? 'pointer' : '');
    if (feature?.id === hovered?.id) return;
    if (hovered) layers.markFeature(map, 'hovered', hovered, false);
    if (feature) layers.markFeature(map, 'hovered', feature, true);
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
    if (state.tool.value === 'measure' || state.tool.value === 'point') return hover(null, false);
    const feature = layers.featureAt(map, point);
    hover(feature, feature !== null || sceneAt(point) !== undefined || layers.isGeneralizedAt(map, point));
  });
  map.on('mouseout', () => hover(null, false));
  map.on('click', ({ point, lngLat }) => {
    if (toTool(state, lngLat)) return;
    const scene = sceneAt(point);
    if (scene) {
      openScene(scene);
      return;
    }
    state.selected.value = layers.featureAt(map, point);
    // What stands for many features cannot be looked at by itself: nearer by, they can.
    if (layers.isGeneralizedAt(map, point)) map.easeTo({ center: lngLat, zoom: map.getZoom() + NEARER });
  });
  // The keyboard's pointer is the middle of the free part of the map, where base.css shows a cross while it has focus.
  canvas.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || toTool(state, map.getCenter())) return;
    state.selected.value = layers.featureAt(map, map.project(map.getCenter()));
  });
}
