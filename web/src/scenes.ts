/** The list of images: which is open, how far each is, and how to be rid of one. */
import type { SceneJson } from '../../server/api/index.ts';
import type { Actions } from './actions.ts';
import { h, icon, replace } from './dom.ts';
import { bytes, moment, percent } from './format.ts';
import type { State } from './state.ts';

export function createSceneList(actions: Actions): { element: HTMLElement; render(state: State): void } {
  const list = h('ul', { class: 'scenes', 'data-testid': 'scene-list' });
  const element = h('section', { class: 'section', hidden: true }, h('h2', { class: 'section-title' }, 'Images'), list);
  let shown = '';
  /** The scene whose deletion waits for a second click. */
  let asked: string | null = null;

  const draw = ({ scenes, sceneId }: State): void => {
    replace(
      list,
      ...scenes.map((scene) => (scene.id === asked ? confirmRow(scene) : row(scene, scene.id === sceneId))),
    );
  };
  let state: State;
  const ask = (id: string | null, focus: string) => {
    asked = id;
    draw(state);
    list.querySelector<HTMLElement>(focus)?.focus();
  };

  const row = (scene: SceneJson, current: boolean) =>
    h(
      'li',
      { class: 'scene', 'data-state': scene.state, 'data-scene': scene.id },
      h(
        'button',
        {
          type: 'button',
          class: 'scene-open',
          'aria-current': current ? 'true' : null,
          onclick: () => actions.openScene(scene.id),
        },
        h('span', { class: 'scene-name' }, scene.name),
        h('span', { class: 'scene-meta' }, `${bytes(scene.bytes)} · ${moment(scene.created_at)}${stateText(scene)}`),
      ),
      h(
        'button',
        {
          type: 'button',
          class: 'icon-button scene-delete edits',
          'aria-label': `Delete ${scene.name}`,
          title: 'Delete',
          onclick: () => ask(scene.id, '.scene-confirm .button'),
        },
        icon('trash', 18),
      ),
    );

  const confirmRow = (scene: SceneJson) =>
    h(
      'li',
      { class: 'scene scene-confirm' },
      h('p', {}, 'Delete this image and its maps?'),
      h(
        'button',
        {
          type: 'button',
          class: 'button danger',
          onclick: () => {
            asked = null;
            void actions.deleteScene(scene);
          },
        },
        'Delete',
      ),
      h('button', { type: 'button', class: 'button', onclick: () => ask(null, '.scene-open') }, 'Keep'),
    );

  return {
    element,
    render(next) {
      state = next;
      element.hidden = next.scenes.length === 0;
      const key = JSON.stringify([
        next.sceneId,
        asked,
        next.scenes.map(({ id, name, state, progress }) => [id, name, state, Math.round(progress * 100)]),
      ]);
      if (key === shown) return;
      shown = key;
      const focused = list.contains(document.activeElement)
        ? document.activeElement?.closest<HTMLElement>('[data-scene]')?.dataset.scene
        : undefined;
      draw(next);
      if (focused) list.querySelector<HTMLElement>(`[data-scene="${CSS.escape(focused)}"] .scene-open`)?.focus();
    },
  };
}

function stateText({ state, progress }: SceneJson): string {
  if (state === 'refused') return ' · refused';
  return state === 'ready' ? '' : ` · reading ${percent(progress)}`;
}
