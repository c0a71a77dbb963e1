/** The reading: what was measured per class, with switches for what the map shows. */
import type { ClassTotal, Finding, JobJson, ModelClass, ModelJson } from '../../server/api/index.ts';
import type { Actions } from './actions.ts';
import { h, icon, replace, setText } from './dom.ts';
import { areaParts, count, percent, plural, titleOf } from './format.ts';
import { currentModel, type State, type Store } from './state.ts';

export function createLegend(store: Store, actions: Actions): { element: HTMLElement; render(state: State): void } {
  const value = h('span', { class: 'figure' });
  const unit = h('span', { class: 'figure-unit' });
  const summary = h('p', { class: 'quiet' });
  const composition = h('div', { class: 'composition', 'aria-hidden': 'true' });
  const findings = h('div', { class: 'findings' });
  const list = h('ul', { class: 'classes' });
  const view = createView(store);
  const element = h(
    'section',
    { class: 'legend', 'data-testid': 'legend', 'aria-label': 'Classes', hidden: true },
    findings,
    h('div', { class: 'figure-row' }, h('p', { class: 'figure-line' }, value, '\u2009', unit), summary),
    composition,
    list,
    view.element,
  );
  let shown: JobJson | null = null;
  let switches = new Map<string, HTMLInputElement>();
  return {
    element,
    render(state) {
      const job = state.job?.state === 'done' ? state.job : null;
      element.hidden = !job;
      const model = currentModel(state);
      if (job && job !== shown) {
        const area = job.totals.reduce((sum, { area_m2 }) => sum + area_m2, 0);
        const features = job.totals.reduce((sum, { count }) => sum + count, 0);
        const boxes = model?.task === 'detection';
        const [number, sign] = boxes ? [count(features), features === 1 ? 'object' : 'objects'] : areaParts(area);
        setText(value, number);
        setText(unit, sign);
        setText(summary, boxes ? 'found' : `mapped · ${plural(features, 'feature')}`);
        replace(findings, ...(job.report?.findings ?? []).map((finding) => findingCard(finding, actions)));
        const classes = boxes ? byCount(job, model, features) : byArea(job, model);
        replace(composition, ...classes.map(({ total, color }) => compositionPart(total.share, color)));
        const rows = classes.map((entry) => createRow(entry, boxes, (name, on) => toggle(store, name, on)));
        switches = new Map(rows.map(({ name, box }) => [name, box]));
        replace(list, ...rows.map((row) => row.element), failedRow(job));
      }
      shown = job;
      for (const [name, box] of switches) box.checked = !state.hiddenClasses.has(name);
      view.render(state);
    },
  };
}

/** What a user should know of the map; where parts of it are missing, the way to have them. */
function findingCard({ code, severity, message, fix }: Finding, actions: Actions): HTMLElement {
  const again = h('button', { type: 'button', class: 'button', onclick: () => void actions.retryJob() }, 'Try again');
  return h(
    'div',
    { class: 'finding', role: 'status', 'data-severity': severity, 'data-code': code, 'data-testid': 'job-finding' },
    severity === 'info' ? null : icon('warning', 18),
    h('div', {}, h('p', {}, fix ? `${message} ${fix}` : message), code === 'chips_failed' ? again : null),
  );
}

/** What the hatching on the map means; null where nothing failed. */
function failedRow({ report }: JobJson): HTMLElement | null {
  const { ledger, model_grid: grid } = report ?? {};
  if (!ledger?.failed || !grid) return null;
  const [number, unit] = areaParts(ledger.failed * grid.gsd_m ** 2);
  return h(
    'li',
    { class: 'class-row failed-row', 'data-testid': 'failed' },
    h('span', { class: 'hatched', 'aria-hidden': 'true' }),
    h('span', { class: 'class-name' }, 'Not computed'),
    h('span', { class: 'class-area' }, number, h('small', {}, `\u2009${unit}`)),
  );
}

interface ClassEntry extends ModelClass {
  total: ClassTotal;
}

/** Every class of the network, found or not, largest area first. */
function byArea(job: JobJson, model: ModelJson | undefined): ClassEntry[] {
  return (model?.classes ?? [])
    .map((entry) => {
      const none = { class: entry.name, count: 0, area_m2: 0, share: 0 };
      return { ...entry, total: job.totals.find((total) => total.class === entry.name) ?? none };
    })
    .sort((a, b) => b.total.area_m2 - a.total.area_m2);
}

/** The same for objects, whose number says more than their area; `share` is of their number. */
function byCount(job: JobJson, model: ModelJson, objects: number): ClassEntry[] {
  return byArea(job, model)
    .map((entry) => ({ ...entry, total: { ...entry.total, share: entry.total.count / Math.max(1, objects) } }))
    .sort((a, b) => b.total.count - a.total.count);
}

function toggle(store: Store, name: string, on: boolean): void {
  const hidden = new Set(store.get().hiddenClasses);
  if (on) hidden.delete(name);
  else hidden.add(name);
  const { selected } = store.get();
  store.set({ hiddenClasses: hidden, ...(selected && hidden.has(selected.class) ? { selected: null } : {}) });
}

function compositionPart(share: number, color: string): HTMLElement {
  const part = h('i');
  part.style.setProperty('flex-grow', String(share));
  part.style.setProperty('background-color', color);
  return part;
}

/** Of objects their number comes first, of anything else the area. */
function createRow({ name, color, total }: ClassEntry, boxes: boolean, onToggle: (name: string, on: boolean) => void) {
  const box = h('input', { type: 'checkbox', class: 'swatch' });
  box.addEventListener('change', () => onToggle(name, box.checked));
  const [number, unit] = areaParts(total.area_m2);
  const fill = h('i');
  fill.style.setProperty('transform', `scaleX(${total.share})`);
  const element = h(
    'li',
    { 'data-testid': `class-${name}` },
    h(
      'label',
      { class: 'class-row' },
      box,
      h('span', { class: 'class-name' }, titleOf(name)),
      boxes
        ? h('span', { class: 'class-area' }, count(total.count))
        : h('span', { class: 'class-area' }, number, h('small', {}, `\u2009${unit}`)),
      h('span', { class: 'class-count' }, boxes ? `${number}\u2009${unit}` : plural(total.count, 'feature')),
      h('span', { class: 'class-share' }, percent(total.share)),
      h('span', { class: 'class-bar', 'aria-hidden': 'true' }, fill),
    ),
  );
  element.style.setProperty('--class-colour', color);
  return { name, box, element };
}

function createView(store: Store): { element: HTMLElement; render(state: State): void } {
  const slider = h('input', { type: 'range', id: 'opacity', min: 0, max: 100, step: 5 });
  slider.addEventListener('input', () => store.set({ classOpacity: Number(slider.value) / 100 }));
  const output = h('output', { for: 'opacity' });
  const least = h('input', {
    type: 'range',
    id: 'least-score',
    min: 0,
    max: 95,
    step: 5,
    'data-testid': 'least-score',
  });
  least.addEventListener('input', () => {
    const leastScore = Number(least.value) / 100;
    const { selected } = store.get();
    store.set({ leastScore, ...(selected && selected.score < leastScore ? { selected: null } : {}) });
  });
  const leastOutput = h('output', { for: 'least-score' });
  const imagery = h('input', { type: 'checkbox', role: 'switch', class: 'switch' });
  imagery.addEventListener('change', () => store.set({ imageryVisible: imagery.checked }));
  const scores = h('input', { type: 'checkbox', role: 'switch', class: 'switch', 'data-testid': 'certainty' });
  scores.addEventListener('change', () => store.set({ scoresVisible: scores.checked }));
  const ramp = h('span', { class: 'ramp' }, 'unsure', h('i'), 'sure');
  const certainty = h('label', { class: 'view-row' }, h('span', {}, 'Certainty'), ramp, scores);
  const element = h(
    'div',
    { class: 'view' },
    h('div', { class: 'view-row' }, h('label', { for: 'opacity' }, 'Opacity'), slider, output),
    h(
      'div',
      { class: 'view-row', title: 'Features of which the network was less sure are not shown' },
      h('label', { for: 'least-score' }, 'Score \u2265'),
      least,
      leastOutput,
    ),
    h('label', { class: 'view-row' }, h('span', {}, 'Imagery'), imagery),
    certainty,
  );
  return {
    element,
    render(state) {
      const { classOpacity, leastScore, imageryVisible, scoresVisible } = state;
      setSlider(slider, output, classOpacity);
      setSlider(least, leastOutput, leastScore);
      imagery.checked = imageryVisible;
      scores.checked = scoresVisible;
      ramp.hidden = !scoresVisible;
      // Boxes have a score each, and no map of it.
      certainty.hidden = currentModel(state)?.task === 'detection';
    },
  };
}

/** @param share 0..1 */
function setSlider(slider: HTMLInputElement, output: HTMLOutputElement, share: number): void {
  const value = Math.round(share * 100);
  if (Number(slider.value) !== value) slider.value = String(value);
  const filled = (100 * (value - Number(slider.min))) / (Number(slider.max) - Number(slider.min));
  slider.style.setProperty('--filled', `${filled}%`);
  setText(output, `${value} %`);
}
