/** What the image on the page may be used for and who is to be named with it: shown, and said by those who may. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { putScene } from '../actions/scenes.ts';
import { useApp } from '../app.ts';
import { t } from '../messages/index.ts';
import { messageOf, setAttribution } from '../service/api.ts';
import type { SceneJson } from '../service/types.ts';
import { Disclosure } from './parts.tsx';
import './attribution.css';

/** As the service takes them. */
const MAX_CHARACTERS = 300;

const texts = t.attribution;

export function Attribution() {
  const scene = useApp().state.scene.value;
  return (
    <Disclosure class="edits" data-testid="rights" title={texts.title}>
      {scene && <Form key={scene.id} scene={scene} />}
    </Disclosure>
  );
}

function Form({ scene }: { scene: SceneJson }) {
  const { state } = useApp();
  const said = useSignal('');
  const attribution = useSignal('');
  const license = useSignal('');
  useEffect(() => {
    attribution.value = scene.attribution ?? '';
    license.value = scene.license ?? '';
  }, [scene.attribution, scene.license, attribution, license]);
  const saving = useSignal(false);
  const save = async (event: Event) => {
    event.preventDefault();
    saving.value = true;
    try {
      const typed = { attribution: attribution.value, license: license.value };
      putScene(state, await setAttribution(scene.id, typed));
      said.value = texts.saved;
    } catch (error) {
      said.value = messageOf(error).detail;
    }
    saving.value = false;
  };
  const field = (name: string, label: string, placeholder: string, text: typeof attribution) => (
    <>
      <label for={`attribution-${name}`}>{label}</label>
      <input
        id={`attribution-${name}`}
        type="text"
        class="text"
        maxLength={MAX_CHARACTERS}
        placeholder={placeholder}
        autocomplete="off"
        value={text}
        onInput={({ currentTarget }) => (text.value = currentTarget.value)}
      />
    </>
  );
  return (
    <form class="disclosed attribution" onSubmit={save}>
      {field('text', texts.attribution, texts.attributionExample, attribution)}
      {field('licence', texts.licence, texts.licenceExample, license)}
      <div class="attribution-end">
        <button type="submit" class="button" data-testid="rights-save" aria-busy={saving} disabled={saving}>
          {texts.save}
        </button>
        <p class="quiet" role="status">
          {said}
        </p>
      </div>
    </form>
  );
}
