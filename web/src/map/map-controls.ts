/** What stands on the map beside the panel: zoom buttons, scale bar, who is to be credited, position of the pointer. */
import { AttributionControl, type Map as MapLibreMap } from 'maplibre-gl';
import { h, type IconName, icon, setText } from '../dom.ts';
import { position } from '../format.ts';
import { currentScene, type Store } from '../state.ts';
import { FLAT_ZOOM } from './create-map.ts';

const LONGEST_BAR_PIXELS = 190;
/** On shorter bars the middle's figure would touch its neighbours. */
const LABELLED_MIDDLE_PIXELS = 110;

export function createFurniture(map: MapLibreMap, store: Store, fitScene: () => void): HTMLElement {
  const button = (label: string, name: IconName, onclick: () => void, zooms = false) => {
    const style = zooms ? 'map-button zoom' : 'map-button';
    return h('button', { type: 'button', class: style, 'aria-label': label, title: label, onclick }, icon(name));
  };
  const whole = button('Show the whole image', 'frame', fitScene);
  const buttons = h(
    'div',
    { class: 'map-buttons', role: 'group', 'aria-label': 'Map' },
    button('Zoom in', 'plus', () => map.zoomIn(), true),
    button('Zoom out', 'minus', () => map.zoomOut(), true),
    whole,
  );
  store.subscribe((state) => {
    whole.hidden = currentScene(state)?.state !== 'ready';
  });
  // Of all that is shown, each said once; nothing is seen of it where nobody is to be credited.
  const credit = new AttributionControl({ compact: false }).onAdd(map);
  const notes = h('div', { class: 'notes-on-map' }, createScaleBar(map), credit);
  return h('div', { class: 'furniture' }, createPosition(map), notes, buttons);
}

/** A bar of four alternating parts, as on printed sheets, of a length that people count in. */
function createScaleBar(map: MapLibreMap): HTMLElement {
  const ladder = h('div', { class: 'scale-ladder' }, h('i'), h('i'), h('i'), h('i'));
  const half = h('span');
  const whole = h('span');
  const element = h(
    'div',
    { class: 'scale', role: 'img' },
    ladder,
    h('div', { class: 'scale-text' }, h('span', {}, '0'), half, whole),
  );
  const update = () => {
    const metresPerPixel =
      (40_075_016.7 * Math.cos((map.getCenter().lat * Math.PI) / 180)) / (512 * 2 ** map.getZoom());
    const metres = roundLength(metresPerPixel * LONGEST_BAR_PIXELS);
    const [factor, unit] = metres >= 1000 ? [1000, 'km'] : [1, 'm'];
    element.hidden = map.getZoom() < FLAT_ZOOM;
    element.style.setProperty('width', `${metres / metresPerPixel}px`);
    element.setAttribute('aria-label', `Scale bar: ${metres / factor} ${unit}`);
    setText(half, metres / metresPerPixel < LABELLED_MIDDLE_PIXELS ? '' : String(metres / factor / 2));
    setText(whole, `${metres / factor}\u2009${unit}`);
  };
  map.on('move', update);
  update();
  return element;
}

/** The largest of 1, 2, 5 times a power of ten that is not above `metres`. */
function roundLength(metres: number): number {
  const power = 10 ** Math.floor(Math.log10(metres));
  return [5, 2, 1].find((digit) => digit * power <= metres)! * power;
}

function createPosition(map: MapLibreMap): HTMLElement {
  const element = h('output', { class: 'position', 'aria-label': 'Position of the pointer' });
  map.on('mousemove', ({ lngLat }) => {
    setText(element, position(lngLat.lat, lngLat.lng, map.getZoom() > 12 ? 5 : 2));
    element.hidden = map.getZoom() < FLAT_ZOOM;
  });
  map.on('mouseout', () => setText(element, ''));
  return element;
}
