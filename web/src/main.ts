/** The viewer: state, actions on it, and what shows it (panel, map, inspector), put together. */
import '@fontsource-variable/inter/opsz.css';
import './base.css';
import './panel/panel.css';
import './panel/add-image.css';
import './panel/preflight.css';
import './panel/scene.css';
import './panel/result.css';
import './map/map.css';
import type { Map as MapLibreMap } from 'maplibre-gl';
import { createActions } from './actions.ts';
import { h } from './dom.ts';
import { createFurniture } from './map/map-controls.ts';
import { addFrame } from './map/map-frame.ts';
import { createMapView } from './map/map-view.ts';
import { createInspector } from './panel/inspector.ts';
import { createPanel } from './panel/panel.ts';
import { createStore } from './state.ts';

declare global {
  interface Window {
    /** For browser tests alone; `<body data-idle="true">` says when the map has been drawn completely. */
    planimeter: { map: MapLibreMap };
  }
}

const PHONE = matchMedia('(max-width: 719px)');

const store = createStore();
const actions = createActions(store);
const app = document.getElementById('app')!;
const mapElement = h('div', { class: 'map', role: 'region', 'aria-label': 'Map' });
const panel = createPanel(store, actions);
const inspector = createInspector(store, (box) => view.fitBox(box));
app.append(mapElement, panel, inspector.element);
store.subscribe(inspector.render);

await actions.start();

const isLowered = () => panel.classList.contains('lowered');
/** How much of the map is covered; a raised sheet counts at its highest, so that the map keeps still as it grows. */
const clearing = () => {
  const sheet = isLowered() ? panel.offsetHeight : Math.round(innerHeight * 0.56);
  return PHONE.matches
    ? { top: 0, right: 0, bottom: sheet, left: 0 }
    : { top: 0, right: 0, bottom: 0, left: Math.round(panel.getBoundingClientRect().right) };
};

const view = createMapView(mapElement, store, clearing, actions.openScene);
addFrame(view.map, mapElement);
app.append(createFurniture(view.map, store, view.fitScene));
window.planimeter = { map: view.map };

// On phones the sheet's height places the scale bar above it, and the map moves into the space that the sheet leaves.
let wasLowered = isLowered();
new ResizeObserver(() => {
  app.style.setProperty('--sheet', `${panel.offsetHeight}px`);
  if (PHONE.matches && wasLowered !== isLowered()) view.map.easeTo({ padding: clearing(), duration: 350 });
  wasLowered = isLowered();
}).observe(panel);

addEventListener('keydown', (event) => {
  if (event.key === 'Escape') store.set({ selected: null });
});
addEventListener('hashchange', () => {
  const id = new URLSearchParams(location.hash.slice(1)).get('scene');
  if (id && id !== store.get().sceneId) actions.openScene(id);
});
