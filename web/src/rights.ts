/** What the image on the page may be used for and who is to be named with it: shown, and said by those who may. */
import type { SceneJson } from '../../server/api/index.ts';
import { setRights, troubleOf } from './api.ts';
import { h, icon, setText } from './dom.ts';
import { currentScene, type State, type Store } from './state.ts';

/** As the service takes them. */
const MAX_CHARACTERS = 300;

export function createRights(store: Store): { element: HTMLElement; render(state: State): void } {
  const said = h('p', { class: 'quiet', role: 'status' });
  const attribution = textInput('attribution', '© Agency 2026');
  const license = textInput('license', 'CC-BY-4.0, or an address');
  const form = h(
    'form',
    { class: 'disclosed rights' },
    h('label', { for: 'rights-attribution' }, 'To be named with the image'),
    attribution,
    h('label', { for: 'rights-license' }, 'Its licence'),
    license,
    h(
      'div',
      { class: 'rights-end' },
      h('button', { type: 'submit', class: 'button', 'data-testid': 'rights-save' }, 'Save'),
      said,
    ),
  );
  const element = h(
    'details',
    { class: 'disclosure edits', 'data-testid': 'rights' },
    h('summary', {}, 'Source and licence', icon('chevron', 18)),
    form,
  );
  let shown: SceneJson | undefined;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (!shown) return;
    try {
      const changed = await setRights(shown.id, { attribution: attribution.value, license: license.value });
      const { scenes } = store.get();
      store.set({ scenes: scenes.map((scene) => (scene.id === changed.id ? changed : scene)) });
      setText(said, 'Saved. Map, catalogue and downloads say it.');
    } catch (error) {
      setText(said, troubleOf(error).detail);
    }
  });
  return {
    element,
    render(state) {
      const scene = currentScene(state);
      if (scene?.id !== shown?.id) setText(said, '');
      // What is being typed stays.
      if (
        scene &&
        (scene.id !== shown?.id || scene.attribution !== shown?.attribution || scene.license !== shown?.license)
      ) {
        attribution.value = scene.attribution ?? '';
        license.value = scene.license ?? '';
      }
      shown = scene;
    },
  };
}

const textInput = (name: string, placeholder: string) =>
  h('input', {
    id: `rights-${name}`,
    type: 'text',
    class: 'text',
    maxlength: MAX_CHARACTERS,
    placeholder,
    autocomplete: 'off',
  });
