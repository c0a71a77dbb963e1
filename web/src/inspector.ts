/** The card of the feature that was clicked. */
import { getItem } from './api.ts';
import { h, icon, replace } from './dom.ts';
import { areaParts, lengthParts, percent, titleOf } from './format.ts';
import { currentModel, type SelectedFeature, type State, type Store } from './state.ts';

export function createInspector(store: Store): { element: HTMLElement; render(state: State): void } {
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
      replace(element, ...content(selected, close));
      element.style.setProperty('--class-colour', color ?? 'currentColor');
    },
  };
}

function content(feature: SelectedFeature, close: () => void): HTMLElement[] {
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
    h(
      'div',
      { class: 'actions' },
      copyButton('Copy link', 'Link copied', async () => location.origin + path),
      copyButton('Copy GeoJSON', 'GeoJSON copied', async () => JSON.stringify(await getItem(path), null, 2)),
    ),
  ];
}

const TOLD_MS = 1600;

function copyButton(label: string, done: string, text: () => Promise<string>): HTMLElement {
  const words = h('span', {}, label);
  const tell = (message: string) => {
    replace(words, message);
    setTimeout(() => replace(words, label), TOLD_MS);
  };
  const onclick = () =>
    text()
      .then((content) => navigator.clipboard.writeText(content))
      .then(
        () => tell(done),
        () => tell('Could not copy'),
      );
  return h('button', { type: 'button', class: 'button', onclick }, icon('copy', 16), words);
}
