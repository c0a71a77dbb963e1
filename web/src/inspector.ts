/** The card of the feature that was clicked. */
import { bbox } from '@turf/turf';
import type { FeatureJson } from '../../server/api/index.ts';
import { getItem, reviewItem, troubleOf } from './api.ts';
import { h, icon, replace } from './dom.ts';
import { areaParts, lengthParts, percent, titleOf } from './format.ts';
import { currentModel, type SelectedFeature, type State, type Store } from './state.ts';

/** west, south, east, north in degrees. */
export type Box = [number, number, number, number];

/** @param zoomTo shows a part of the map */
export function createInspector(
  store: Store,
  zoomTo: (box: Box) => void,
): { element: HTMLElement; render(state: State): void } {
  const element = h('aside', {
    class: 'inspector',
    'aria-label': 'Feature',
    'aria-live': 'polite',
    'data-testid': 'inspector',
    hidden: true,
  });
  let shown: SelectedFeature | null = null;
  const close = () => store.set({ selected: null });
  return {
    element,
    render(state) {
      const { selected } = state;
      if (selected === shown) return;
      shown = selected;
      element.hidden = selected === null;
      if (!selected) return;
      const color = currentModel(state)?.classes.find(({ name }) => name === selected.class)?.color;
      replace(element, ...content(selected, close, zoomTo));
      element.style.setProperty('--class-colour', color ?? 'currentColor');
    },
  };
}

function content(feature: SelectedFeature, close: () => void, zoomTo: (box: Box) => void): HTMLElement[] {
  const path = `/collections/${feature.collection}/items/${feature.id}`;
  const [value, unit] =
    feature.length_m === undefined ? areaParts(feature.area_m2 ?? 0) : lengthParts(feature.length_m);
  const scoreFill = h('i');
  scoreFill.style.setProperty('transform', `scaleX(${feature.score})`);
  return [
    h(
      'header',
      { class: 'inspector-head' },
      h('span', { class: 'chip', 'aria-hidden': 'true' }),
      h('h2', {}, titleOf(feature.class)),
      h('button', { type: 'button', class: 'icon-button', 'aria-label': 'Close', onclick: close }, icon('close', 18)),
    ),
    h(
      'p',
      { class: 'figure-line' },
      h('span', { class: 'figure' }, value),
      '\u2009',
      h('span', { class: 'figure-unit' }, unit),
    ),
    h(
      'dl',
      { class: 'facts' },
      h('dt', { title: 'Mean probability of the class over the feature' }, 'Score'),
      h(
        'dd',
        { class: 'score' },
        h('span', { class: 'class-bar', 'aria-hidden': 'true' }, scoreFill),
        percent(feature.score),
      ),
      h('dt', {}, 'Collection'),
      h('dd', {}, titleOf(feature.collection)),
      h('dt', {}, 'Id'),
      h('dd', { class: 'id' }, feature.id),
    ),
    reviewOf(path),
    h(
      'div',
      { class: 'actions' },
      actionButton('Zoom to', null, 'Zoom to', async () => zoomTo(bbox(await getItem(path)) as Box)),
      actionButton('Copy link', 'copy', 'Link copied', () => copy(location.origin + path)),
      actionButton('Copy GeoJSON', 'copy', 'GeoJSON copied', async () =>
        copy(JSON.stringify(await getItem(path), null, 2)),
      ),
    ),
  ];
}

/** Whether the feature is right: said by those who may, and taken back by saying it again. */
function reviewOf(path: string): HTMLElement {
  const said = h('p', { class: 'quiet', role: 'status' });
  const buttons = (['accepted', 'rejected'] as const).map((review) => {
    const label = review === 'accepted' ? 'Accept' : 'Reject';
    const button = h(
      'button',
      { type: 'button', class: 'button', 'aria-pressed': 'false', 'data-testid': `review-${review}` },
      label,
    );
    button.addEventListener('click', () =>
      show(reviewItem(path, button.getAttribute('aria-pressed') === 'true' ? null : review)),
    );
    return { review, button };
  });
  const show = async (item: Promise<FeatureJson>) => {
    try {
      const { properties } = await item;
      for (const { review, button } of buttons)
        button.setAttribute('aria-pressed', String(properties.review === review));
      replace(said);
    } catch (error) {
      replace(said, troubleOf(error).detail);
    }
  };
  show(getItem(path));
  return h('div', { class: 'review edits' }, ...buttons.map(({ button }) => button), said);
}

const TOLD_MS = 1600;

const copy = (text: string) => navigator.clipboard.writeText(text);

/** A button that says for a moment what became of its action. */
function actionButton(label: string, symbol: 'copy' | null, done: string, action: () => Promise<void>): HTMLElement {
  const words = h('span', {}, label);
  const tell = (message: string) => {
    replace(words, message);
    setTimeout(() => replace(words, label), TOLD_MS);
  };
  const onclick = () =>
    action().then(
      () => tell(done),
      () => tell('Not possible'),
    );
  const parts = symbol === null ? [words] : [icon(symbol, 16), words];
  return h('button', { type: 'button', class: 'button', onclick }, ...parts);
}
