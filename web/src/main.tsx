/** The viewer: its state, what shows it (panel, map, inspector), and what the window tells it, put together. */
import '@fontsource-variable/inter/opsz.css';
import './base.css';
import './panel/parts.css';
import { computed, effect } from '@preact/signals';
import type { Map as MapLibreMap } from 'maplibre-gl';
import { render } from 'preact';
import { keepInAddress } from './actions/address-state.ts';
import { mapExpected } from './actions/background.ts';
import { sceneInAddress } from './actions/remembered.ts';
import { openScene, resume, start } from './actions/scenes.ts';
import { AppContext, createApp } from './app.ts';
import { later } from './later.tsx';
import './map/map.css';
import { MapControls } from './map/map-controls.tsx';
import { addMapFrame } from './map/map-frame.ts';
import { type Box, createMapView, type MapView } from './map/map-view.ts';
import { t } from './messages/index.ts';
import { DropVeil } from './panel/add-image.tsx';
import { Inspector } from './panel/inspector.tsx';
import { Panel } from './panel/panel.tsx';

declare global {
  interface Window {
    /** For browser tests alone; `<body data-idle="true">` says when the map has been drawn completely. */
    planimeter: { map: MapLibreMap };
  }
}

const PHONE = matchMedia('(max-width: 719px)');

const app = createApp();
const { service, offline, sceneId, selected, sheetLowered, tool, table, doneJob } = app.state;
const { view } = app;
const root = document.getElementById('app')!;

const FeatureTable = later<{ view: MapView }>(async () => (await import('./table/table.tsx')).FeatureTable);
const Tools = later<{ view: MapView }>(async () => (await import('./tools/tools.tsx')).Tools);

function Page() {
  const zoomTo = (box: Box) => view.value?.fitBox(box);
  return (
    <AppContext value={app}>
      <section class="map" aria-label={t.map.title} />
      <Panel zoomTo={zoomTo} />
      <Inspector zoomTo={zoomTo} />
      {view.value && table.value && doneJob.value && <FeatureTable view={view.value} />}
      {view.value && tool.value && <Tools view={view.value} />}
      {view.value && <MapControls view={view.value} />}
      <DropVeil />
    </AppContext>
  );
}
render(<Page />, root);
const mapElement = root.querySelector<HTMLElement>('.map')!;
const panel = root.querySelector<HTMLElement>('.panel')!;

// What a caller may not do is not shown: see panel.css.
effect(() => {
  const caller = service.value?.caller;
  if (!caller) return;
  document.body.dataset.role = caller.role;
  document.body.classList.toggle('by-link', caller.job !== null);
});

keepInAddress(app);
await start(app);
mapExpected(app);

let wasOffline = false;
offline.subscribe((now) => {
  if (wasOffline && !now) resume(app);
  wasOffline = now;
});

/** Of the table and the room below it, in CSS pixels: see base.css. */
const TABLE = 300 + 24;
const tableShown = computed(() => table.value !== null && doneJob.value !== null);

/** How much of the map is covered; a raised sheet counts at its highest, so that the map keeps still as it grows. */
const clearing = () => {
  const sheet = sheetLowered.value ? panel.offsetHeight : Math.round(innerHeight * 0.56);
  const covered = tableShown.value ? Math.round(innerHeight * 0.62) : sheet;
  return PHONE.matches
    ? { top: 0, right: 0, bottom: covered, left: 0 }
    : { top: 0, right: 0, bottom: tableShown.value ? TABLE : 0, left: Math.round(panel.getBoundingClientRect().right) };
};

const mapView = createMapView(mapElement, app.state, clearing, (id) => openScene(app, id));
const { map } = mapView;
addMapFrame(map, mapElement);
view.value = mapView;
window.planimeter = { map };

// On phones the sheet's height places the scale bar above it, and the map moves into the space that the sheet leaves.
let wasLowered = sheetLowered.value;
new ResizeObserver(() => {
  root.style.setProperty('--sheet', `${panel.offsetHeight}px`);
  if (PHONE.matches && wasLowered !== sheetLowered.value) map.easeTo({ padding: clearing(), duration: 350 });
  wasLowered = sheetLowered.value;
}).observe(panel);

// The map moves into the room that the table leaves.
let wasShown = tableShown.value;
effect(() => {
  const shown = tableShown.value;
  root.style.setProperty('--table', shown ? (PHONE.matches ? '62dvh' : `${TABLE}px`) : '0px');
  if (shown !== wasShown) map.easeTo({ padding: clearing(), duration: 350 });
  wasShown = shown;
});

addEventListener('keydown', (event) => {
  if (event.key === 'Escape') {
    // What was opened last is put away first.
    if (tool.value) tool.value = null;
    else if (selected.value) selected.value = null;
    else table.value = null;
  }
  if (event.key === 'k' && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    tool.value = 'find';
  }
});
addEventListener('hashchange', () => {
  const id = sceneInAddress();
  if (id && id !== sceneId.value) openScene(app, id);
});
