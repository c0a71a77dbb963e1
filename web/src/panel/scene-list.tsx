/** The list of images: which is open, how far each is, and how to be rid of one. */
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { isOver } from '../actions/jobs.ts';
import { deleteScene, openScene } from '../actions/scenes.ts';
import { useApp } from '../app.ts';
import { bytes, moment, percent } from '../format.ts';
import { t } from '../messages/index.ts';
import type { JobJson, SceneJson } from '../service/types.ts';
import { Button, IconButton } from './parts.tsx';
import './scene-list.css';

const texts = t.scenes;

export function SceneList() {
  const { scenes } = useApp().state;
  /** The scene whose deletion waits for a second click. */
  const asked = useSignal<string | null>(null);
  /** The scene that was kept: its row takes the focus back. */
  const kept = useRef<string | null>(null);
  const ask = (id: string) => (asked.value = id);
  const keep = () => {
    kept.current = asked.value;
    asked.value = null;
  };
  const focusKept = (id: string) => (button: HTMLButtonElement | null) => {
    if (!button || kept.current !== id) return;
    kept.current = null;
    button.focus();
  };
  return (
    <section class="section" hidden={scenes.value.length === 0}>
      <h2 class="section-title">{texts.title}</h2>
      <ul class="scenes" data-testid="scene-list">
        {scenes.value.map((scene) =>
          scene.id === asked.value ? (
            <ConfirmRow key={`delete ${scene.id}`} scene={scene} onKeep={keep} />
          ) : (
            <Row key={scene.id} scene={scene} openRef={focusKept(scene.id)} onDelete={() => ask(scene.id)} />
          ),
        )}
      </ul>
    </section>
  );
}

function Row(props: { scene: SceneJson; openRef: (button: HTMLButtonElement | null) => void; onDelete: () => void }) {
  const app = useApp();
  const { id, name, state, bytes: size, created_at } = props.scene;
  const job = app.state.backgroundJobs.value.get(id);
  const meta = [bytes(size), moment(created_at), ...stateText(props.scene, job)].join(' · ');
  return (
    <li class="scene" data-state={state} data-scene={id}>
      <button
        ref={props.openRef}
        type="button"
        class="scene-open"
        aria-current={id === app.state.sceneId.value ? 'true' : undefined}
        onClick={() => openScene(app, id)}
      >
        <span class="scene-name">{name}</span>
        <span class="scene-meta">{meta}</span>
      </button>
      <IconButton
        icon="trash"
        class="scene-delete edits"
        label={texts.deleteScene(name)}
        title={texts.delete}
        onClick={props.onDelete}
      />
    </li>
  );
}

const focus = (button: HTMLButtonElement | null) => button?.focus();

function ConfirmRow({ scene, onKeep }: { scene: SceneJson; onKeep: () => void }) {
  const app = useApp();
  return (
    <li class="scene scene-confirm">
      <p>{texts.confirm}</p>
      <Button ref={focus} class="danger" onClick={() => deleteScene(app, scene)}>
        {texts.delete}
      </Button>
      <Button onClick={onKeep}>{texts.keep}</Button>
    </li>
  );
}

/** @param job of a scene that is mapped while another is open */
function stateText({ state, progress }: SceneJson, job: JobJson | undefined): string[] {
  if (state === 'refused') return [texts.refused];
  if (job && !isOver(job)) return [texts.mapping(percent(job.progress.share))];
  return state === 'ready' ? [] : [texts.reading(percent(progress))];
}
