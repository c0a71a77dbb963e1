/** Before a job: what was understood of the image, and what a person may set (network, bands, stretch), with its cost. */
import type { BandValues, Finding, PreflightJson } from '../../server/api/index.ts';
import type { Actions } from './actions.ts';
import { h, icon, replace, setText } from './dom.ts';
import { bytes, count, percent } from './format.ts';
import { currentScene, type JobSettings, NO_SETTINGS, type State, type Store, type Stretch } from './state.ts';

const COLOURS = ['Red', 'Green', 'Blue'] as const;
const CONTENT = {
  imagery: 'Imagery',
  few_colours: 'A map or mask: flat, few colours',
  paper: 'A scanned sheet: mostly white',
};

export function createPreflight(store: Store, actions: Actions): { element: HTMLElement; render(state: State): void } {
  const title = h('h2', { class: 'section-title' });
  const content = h('div', { class: 'preflight-content' });
  const begin = h('button', { type: 'button', class: 'button primary', 'data-testid': 'begin' });
  begin.addEventListener('click', () => void actions.startJob());
  const close = h(
    'button',
    { type: 'button', class: 'button', onclick: () => store.set({ settingsOpen: false }) },
    'Close',
  );
  const element = h(
    'section',
    { class: 'preflight', 'data-testid': 'preflight', hidden: true },
    title,
    content,
    h('div', { class: 'actions edits' }, begin, close),
  );
  const change = (changes: Partial<JobSettings>) => store.set({ settings: { ...store.get().settings, ...changes } });
  let shown: unknown[] = [];
  return {
    element,
    render(state) {
      element.hidden = !isPreflightShown(state);
      if (element.hidden) return;
      const { preflight, settings, job } = state;
      setText(title, job ? 'Settings for another map' : 'Before mapping');
      setText(begin, job ? 'Map with these settings' : 'Map this image');
      close.hidden = !job;
      const key = [preflight, settings];
      if (key.every((each, i) => each === shown[i])) return;
      shown = key;
      const focused = document.activeElement?.id;
      if (preflight) replace(content, ...describe(preflight, settings, state, change));
      else replace(content, h('p', { class: 'quiet' }, 'Looking at the image…'));
      // Choosing draws the form anew: the focus stays where it was.
      if (focused) content.querySelector<HTMLElement>(`#${CSS.escape(focused)}`)?.focus();
    },
  };
}

export const isPreflightShown = (state: State): boolean =>
  currentScene(state)?.state === 'ready' && (state.job === null || state.settingsOpen);

/** Those being set, or those of the job shown. */
export const settingsShown = (state: State): JobSettings =>
  isPreflightShown(state) ? state.settings : { ...NO_SETTINGS, ...settingsOf(state.job?.parameters ?? {}) };

type Change = (changes: Partial<JobSettings>) => void;

function describe(preflight: PreflightJson, settings: JobSettings, state: State, change: Change): HTMLElement[] {
  return [
    ...preflight.findings.map((finding) => findingCard(finding, settings, change)),
    networkField(preflight, settings, state, change),
    bandsField(preflight, settings, change),
    stretchField(preflight, settings, change),
    details(preflight),
  ];
}

/** What was found, and the button that does something about it. */
function findingCard(finding: Finding, settings: JobSettings, change: Change): HTMLElement {
  const { severity, message, job } = finding;
  const wanted = { ...settings, ...settingsOf(job?.parameters ?? {}), ...(job?.model ? { model: job.model } : {}) };
  const already = JSON.stringify(wanted) === JSON.stringify(settings);
  return h(
    'div',
    { class: 'finding', 'data-severity': severity, 'data-code': finding.code },
    severity === 'info' ? null : icon('warning', 18),
    h(
      'div',
      {},
      h('p', {}, message),
      job && !already
        ? h(
            'button',
            { type: 'button', class: 'button', onclick: () => change(wanted) },
            remedyOf(job.parameters ?? {}),
          )
        : null,
    ),
  );
}

function remedyOf(parameters: Record<string, unknown>): string {
  if (Array.isArray(parameters.bands)) return `Take bands ${parameters.bands.join(', ')}`;
  if (parameters.stretch === 'percentile') return 'Stretch the contrast';
  return parameters.stretch ? 'Set the values' : 'Apply';
}

/** Bands and stretch of a job's parameters or of a finding's fix. */
export function settingsOf(parameters: Record<string, unknown>): Partial<JobSettings> {
  const { bands, stretch } = parameters;
  return {
    ...(Array.isArray(bands) && bands.every((band) => typeof band === 'number') ? { bands } : {}),
    ...(stretch ? { stretch: stretch as Stretch } : {}),
  };
}

function networkField(preflight: PreflightJson, settings: JobSettings, state: State, change: Change): HTMLElement {
  const id = settings.model ?? preflight.model?.id ?? '';
  const judged = preflight.models.find((model) => model.id === id);
  const select = h(
    'select',
    { class: 'select', id: 'preflight-model' },
    ...preflight.models.map((model) => {
      const name = state.models.find((each) => each.id === model.id)?.name ?? model.id;
      return option(model.id, model.suitable ? name : `${name} (does not suit)`, model.id === id);
    }),
  );
  select.addEventListener('change', () => {
    change({ model: select.value === preflight.model?.id ? null : select.value });
  });
  const reason = id === preflight.model?.id ? preflight.model.reason : judged?.reason;
  const cost =
    judged &&
    `${count(judged.chips)} ${judged.chips === 1 ? 'chip' : 'chips'}, ${minutes(judged.minutes)}, ${bytes(judged.memory_bytes)} of memory`;
  return field(
    'Network',
    'preflight-model',
    select,
    h('p', { class: 'quiet' }, reason),
    h('p', { class: 'quiet' }, cost),
  );
}

const minutes = (value: number): string =>
  value < 1
    ? `about ${Math.max(1, Math.round(value * 60))} s`
    : `about ${value < 10 ? value.toFixed(1) : Math.round(value)} min`;

/** Three choices, each over the values of its band. */
function bandsField(preflight: PreflightJson, settings: JobSettings, change: Change): HTMLElement {
  const bands = settings.bands ?? preflight.rendering.bands;
  const columns = COLOURS.map((colour, at) => {
    const id = `preflight-${colour.toLowerCase()}`;
    const select = h(
      'select',
      { class: 'select', id },
      ...preflight.band_values.map(({ number, name }) =>
        option(String(number), name ? `${number} · ${name}` : `Band ${number}`, number === bands[at]),
      ),
    );
    select.disabled = preflight.band_values.length < 2;
    select.addEventListener('change', () => {
      const chosen = bands.map((band, i) => (i === at ? Number(select.value) : band));
      const own = chosen.every((band, i) => band === preflight.rendering.bands[i]);
      change({ bands: own ? null : chosen });
    });
    const values = preflight.band_values[bands[at] - 1];
    return h(
      'div',
      { class: 'band', 'data-colour': colour.toLowerCase() },
      h('label', { for: id }, colour),
      select,
      histogram(values),
    );
  });
  return h('fieldset', { class: 'field' }, h('legend', {}, 'Bands'), h('div', { class: 'bands' }, ...columns));
}

const BAR = 4;
const HEIGHT = 34;

function histogram(values: BandValues | undefined): HTMLElement {
  const { min, max } = values ?? { min: null, max: null };
  if (!values || min === null || max === null) return h('p', { class: 'quiet' }, 'no values');
  // Square roots, so that one full step does not flatten all others.
  const heights = values.histogram.map(Math.sqrt);
  const most = Math.max(1, ...heights);
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', `0 0 ${heights.length * BAR} ${HEIGHT}`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', `Values from ${figure(min)} to ${figure(max)}`);
  for (const [i, height] of heights.entries()) {
    const bar = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
    const tall = (height / most) * HEIGHT;
    for (const [name, value] of Object.entries({ x: i * BAR, y: HEIGHT - tall, width: BAR - 0.6, height: tall })) {
      bar.setAttribute(name, String(value));
    }
    svg.append(bar);
  }
  const range = h('span', { class: 'band-range' }, h('span', {}, figure(min)), h('span', {}, figure(max)));
  return h('div', { class: 'histogram' }, svg as unknown as Node, range);
}

const figure = (value: number): string =>
  Math.abs(value) >= 1000 ? count(value) : String(Number(value.toPrecision(3)));

function stretchField(preflight: PreflightJson, settings: JobSettings, change: Change): HTMLElement {
  const { stretch } = settings;
  const own = typeof stretch === 'object' && stretch !== null;
  const select = h(
    'select',
    { class: 'select', id: 'preflight-stretch' },
    option('', preflight.rendering.ranges ? 'As understood' : 'As it is', stretch === null),
    option('percentile', '2nd to 98th percentile', stretch === 'percentile'),
    option('none', `All that ${preflight.dtype} can hold`, stretch === 'none'),
    option('own', 'Own values', own),
  );
  const range = own ? [stretch.low[0], stretch.high[0]] : usualRange(preflight);
  select.addEventListener('change', () => {
    const [low, high] = range;
    const all = (value: number): [number, number, number] => [value, value, value];
    const values = {
      '': null,
      percentile: 'percentile',
      none: 'none',
      own: { low: all(low), high: all(high) },
    } as const;
    change({ stretch: values[select.value as keyof typeof values] });
  });
  const input = (id: string, label: string, at: 0 | 1) => {
    const element = h('input', {
      id,
      class: 'number',
      type: 'number',
      step: 'any',
      value: range[at],
      'aria-label': label,
    });
    element.addEventListener('change', () => {
      const changed = range.map((value, i) => (i === at ? element.valueAsNumber : value));
      if (!changed.every(Number.isFinite) || changed[0] === changed[1]) return;
      change({ stretch: { low: [changed[0], changed[0], changed[0]], high: [changed[1], changed[1], changed[1]] } });
    });
    return element;
  };
  const ends = h(
    'div',
    { class: 'range-ends' },
    input('preflight-low', 'Value that is black', 0),
    h('span', { class: 'quiet' }, 'black to white'),
    input('preflight-high', 'Value that is white', 1),
  );
  return field('Stretch', 'preflight-stretch', select, own ? ends : null);
}

/** From the lowest 2nd to the highest 98th percentile of the bands in use. */
function usualRange({ band_values, rendering }: PreflightJson): [number, number] {
  const used = rendering.bands.flatMap((band) => band_values[band - 1]?.percentiles ?? []);
  const [low, high] = [Math.min(...used), Math.max(...used)];
  return Number.isFinite(low) && high > low ? [low, high] : [0, 255];
}

function details({ dtype, bands, nodata, valid_share, content, rendering }: PreflightJson): HTMLElement {
  const ranges = rendering.ranges?.map(([low, high]) => `${figure(low)} to ${figure(high)}`);
  const facts: [string, string][] = [
    ['Looks like', CONTENT[content.kind]],
    ['Bands', `${bands} of ${dtype}`],
    ['Given as 0 to 255', ranges ? [...new Set(ranges)].join('; ') : 'as they are'],
    ['Imagery', `${percent(valid_share)} of the pixels${nodata === null ? '' : `, nodata ${nodata}`}`],
  ];
  return h('dl', { class: 'facts' }, ...facts.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}

function option(value: string, text: string, selected: boolean): HTMLElement {
  return h('option', { value, selected }, text);
}

function field(label: string, id: string, ...children: (HTMLElement | null)[]): HTMLElement {
  return h('div', { class: 'field' }, h('label', { for: id }, label), ...children);
}

/** The body of the job request that these settings are. */
export function jobRequest({ model, bands, stretch }: JobSettings): { model?: string; parameters?: object } {
  const parameters = { ...(bands && { bands }), ...(stretch && { stretch }) };
  return { ...(model && { model }), ...(Object.keys(parameters).length > 0 && { parameters }) };
}

/** How the imagery of a scene is shown while these settings are being made: the query of its tiles. */
export function imageryQuery({ bands, stretch }: JobSettings): string {
  const values =
    typeof stretch === 'object' && stretch ? stretch.low.flatMap((low, i) => [low, stretch.high[i]]) : stretch;
  const parts = [bands && `bands=${bands.join(',')}`, values && `stretch=${[values].flat().join(',')}`];
  return parts.filter(Boolean).join('&');
}
