/** The one panel: everything of the page that is not the map. A card on wide screens, a sheet on phones. */
import type { Actions } from '../actions.ts';
import { h, icon, mark, replace, setText } from '../dom.ts';
import { areaParts, breakable, count, gsd, percent, plural } from '../format.ts';
import { currentModel, currentScene, type State, type Store } from '../state.ts';
import { setTheme, type Theme, theme } from '../theme.ts';
import { createCaller } from './account.ts';
import { createIntake } from './add-image.ts';
import { createLegend } from './legend.ts';
import { createPreflight } from './preflight.ts';
import { createProblemSlot, problemCard } from './problem-card.ts';
import { createProgress } from './progress.ts';
import { createReport } from './report.ts';
import { createSceneList } from './scene-list.ts';

export function createPanel(store: Store, actions: Actions): HTMLElement {
  const intake = createIntake(actions);
  const progress = createProgress(actions);
  const preflight = createPreflight(store, actions);
  const legend = createLegend(store, actions);
  const report = createReport(store);
  const scenes = createSceneList(actions);
  const caller = createCaller();
  const trouble = createProblemSlot();
  const refusal = createProblemSlot();
  const heading = createHeading(actions);
  const summary = h('span', { class: 'sheet-summary' });
  const spoken = h('p', { class: 'visually-hidden', role: 'status' });
  const banner = h(
    'p',
    { class: 'away', role: 'status', hidden: true },
    'The service is away. This page goes on once it is back.',
  );

  const body = h(
    'div',
    { class: 'panel-body', id: 'panel-body' },
    banner,
    trouble.element,
    intake.interrupted,
    intake.welcome,
    heading.element,
    refusal.element,
    preflight.element,
    progress.element,
    legend.element,
    report.element,
    scenes.element,
    intake.drop,
    spoken,
  );
  const element = h(
    'main',
    { class: 'panel', 'aria-label': 'Planimeter' },
    h(
      'header',
      { class: 'brand' },
      createSheetHandle(summary),
      h('div', { class: 'brand-name' }, mark(26), 'Planimeter'),
      h('div', { class: 'brand-buttons' }, caller.element, createThemeButton()),
    ),
    body,
  );

  store.subscribe((state) => {
    const scene = currentScene(state);
    banner.hidden = !state.away;
    caller.render(state);
    intake.render(state);
    heading.render(state);
    preflight.render(state);
    progress.render(state);
    legend.render(state);
    report.render(state);
    scenes.render(state);
    const shown = state.away ? null : state.trouble;
    trouble.show(shown, () => problemCard(shown!, [], actions.dismissTrouble));
    const refused = refusalOf(state);
    refusal.show(refused && { ...refused, code: `${state.sceneId}-${refused.code}` }, () =>
      scene?.state === 'refused'
        ? problemCard(refused!, [
            { label: 'Choose another file', run: intake.chooseFile },
            { label: 'Remove', run: () => void actions.deleteScene(scene) },
          ])
        : problemCard(refused!, [{ label: 'Try again', run: () => void actions.retryJob() }]),
    );
    setText(summary, summaryOf(state));
    setText(spoken, spokenOf(state));
  });
  return element;
}

/** The problem that ended the scene's reading or its job. */
function refusalOf(state: State) {
  return currentScene(state)?.problem ?? (state.job?.state === 'failed' ? state.job.problem : null);
}

/** Name and measures of the scene that is open, and the way to its map where there is none yet. */
function createHeading(actions: Actions): { element: HTMLElement; render(state: State): void } {
  const name = h('h1', { class: 'scene-title' });
  const facts = h('p', { class: 'quiet' });
  const begin = h('button', { type: 'button', class: 'button primary edits' }, 'Map this image');
  begin.addEventListener('click', () => void actions.retryJob());
  const again = h(
    'button',
    { type: 'button', class: 'link edits', 'data-testid': 'settings', onclick: () => void actions.openSettings() },
    'Settings: network, bands, stretch',
  );
  const element = h('section', { class: 'heading', hidden: true }, name, facts, again, begin);
  return {
    element,
    render(state) {
      const scene = currentScene(state);
      element.hidden = !scene;
      if (!scene) return;
      setText(name, breakable(scene.name));
      const { width, height, gsd_m, srs } = scene;
      setText(
        facts,
        scene.state === 'ready' ? `${count(width ?? 0)} × ${count(height ?? 0)} px · ${gsd(gsd_m ?? 0)} · ${srs}` : '',
      );
      facts.hidden = scene.state !== 'ready';
      const cancelled = state.job?.state === 'cancelled';
      begin.hidden = scene.state !== 'ready' || !cancelled || state.settingsOpen;
      again.hidden = !(cancelled || state.job?.state === 'done' || state.job?.state === 'failed') || state.settingsOpen;
    },
  };
}

/** One line for the collapsed sheet. */
function summaryOf(state: State): string {
  const scene = currentScene(state);
  if (state.demoUnderWay) return 'Building the demo town';
  if (state.upload) return `Uploading ${percent(state.upload.sentBytes / Math.max(1, state.upload.totalBytes))}`;
  if (refusalOf(state)) return 'Refused';
  if (scene && scene.state !== 'ready') return `Reading ${percent(scene.progress)}`;
  if (state.job?.state === 'running') return `Mapping ${percent(state.job.progress.share)}`;
  if (state.job?.state === 'done' && currentModel(state)?.task === 'detection') {
    return `${plural(
      state.job.totals.reduce((sum, total) => sum + total.count, 0),
      'object',
    )} found`;
  }
  if (state.job?.state === 'done') {
    return `${areaParts(state.job.totals.reduce((sum, total) => sum + total.area_m2, 0)).join('\u00a0')} mapped`;
  }
  return '';
}

/** What screen readers are told: turns of events, not every percent. */
function spokenOf(state: State): string {
  const scene = currentScene(state);
  if (state.demoUnderWay) return 'Building the demo town';
  if (state.upload) return state.upload.paused ? 'Upload paused' : 'Uploading';
  if (scene?.state === 'ingesting') return 'Reading the image';
  if (state.job?.state === 'running') return `Mapping: ${state.job.progress.stage}`;
  if (state.job?.state === 'done') return `Done: ${summaryOf(state)}`;
  return state.job?.state === 'cancelled' ? 'Cancelled' : '';
}

function createThemeButton(): HTMLElement {
  const order: readonly Theme[] = ['system', 'light', 'dark'];
  const icons = { system: 'system', light: 'sun', dark: 'moon' } as const;
  const button = h('button', { type: 'button', class: 'icon-button' });
  const draw = () => {
    replace(button, icon(icons[theme()], 19));
    const label = `Theme: ${theme() === 'system' ? 'as the system' : theme()}`;
    button.setAttribute('aria-label', label);
    button.title = label;
  };
  button.addEventListener('click', () => {
    setTheme(order[(order.indexOf(theme()) + 1) % order.length]);
    draw();
  });
  draw();
  return button;
}

/** On phones the panel is a sheet that this button lowers and raises. */
function createSheetHandle(summary: HTMLElement): HTMLElement {
  const handle = h(
    'button',
    {
      type: 'button',
      class: 'sheet-handle',
      'aria-expanded': 'true',
      'aria-controls': 'panel-body',
      'aria-label': 'Panel',
    },
    summary,
  );
  handle.addEventListener('click', () => {
    const lowered = handle.getAttribute('aria-expanded') === 'true';
    handle.setAttribute('aria-expanded', String(!lowered));
    handle.closest('.panel')?.classList.toggle('lowered', lowered);
  });
  return handle;
}
