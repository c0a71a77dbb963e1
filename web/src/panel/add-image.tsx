/** Where images come in: a drop anywhere on the page, a chosen file, the demo scene, an upload to go on with. */
import { useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';
import { addDemo, addFiles, discardInterrupted } from '../actions/add-image.ts';
import { useApp } from '../app.ts';
import { bytes, percent } from '../format.ts';
import { Icon } from '../icons.tsx';
import { t } from '../messages/index.ts';
import type { InterruptedUpload } from '../service/upload.ts';
import type { State } from '../state.ts';
import { AddByUrl } from './add-by-url.tsx';
import './add-image.css';
import { Button } from './parts.tsx';

const CAN_DROP = matchMedia('(hover: hover)').matches;
const ACCEPT = '.tif,.tiff,.zip,.tfw,.tifw,.tiffw,.wld,.prj,.msk,.xml,.ovr,image/tiff,application/zip';

const isEmpty = ({ started, scenes, upload }: State): boolean =>
  started.value && scenes.value.length === 0 && !upload.value;

export function Welcome() {
  return (
    <section class="welcome edits" hidden={!isEmpty(useApp().state)}>
      <h1>{t.addImage.welcome}</h1>
      <p>{t.addImage.welcomeDetail}</p>
    </section>
  );
}

/** @param props.input the file input, for others that let a file be chosen */
export function AddImage({ input }: { input: RefObject<HTMLInputElement | null> }) {
  const app = useApp();
  const { started, service, demoRunning } = app.state;
  const empty = isEmpty(app.state);
  const texts = t.addImage;
  const limit = service.value?.limits.upload_bytes;
  return (
    <div class="edits" hidden={!started.value}>
      <section class={empty ? 'drop' : 'drop compact'} data-testid="drop" aria-label={texts.section}>
        <Icon name="upload" size={22} />
        <p class="drop-words">
          {empty ? (CAN_DROP ? texts.drop : texts.choose) : CAN_DROP ? texts.dropAnother : texts.chooseAnother}
        </p>
        <Button class={empty ? 'primary' : ''} onClick={() => input.current?.click()}>
          {texts.chooseFile}
        </Button>
        <p class="drop-formats">{limit === undefined ? texts.formats : texts.formatsUpTo(bytes(limit))}</p>
        <input
          ref={input}
          type="file"
          accept={ACCEPT}
          multiple
          class="visually-hidden"
          tabIndex={-1}
          data-testid="file-input"
          aria-label={texts.input}
          onChange={({ currentTarget }) => {
            addFiles(app, [...(currentTarget.files ?? [])]);
            currentTarget.value = '';
          }}
        />
      </section>
      <AddByUrl />
      <button
        type="button"
        class="demo"
        data-testid="demo"
        hidden={!empty}
        disabled={demoRunning.value}
        onClick={() => addDemo(app)}
      >
        <span>
          <strong>{demoRunning.value ? texts.demoRunning : texts.demo}</strong>
          <small>{demoRunning.value ? texts.demoRunningDetail : texts.demoDetail}</small>
        </span>
        <Icon name="chevron" />
      </button>
    </div>
  );
}

/** Uploads of earlier visits, each with the way to go on. */
export function InterruptedUploads({ chooseFile }: { chooseFile: () => void }) {
  const app = useApp();
  const interrupted = app.state.interrupted.value;
  if (interrupted.length === 0) return null;
  const card = (each: InterruptedUpload) => (
    <section key={each.key} class="card" data-testid="interrupted">
      <div class="card-head">
        <h2>{t.addImage.interrupted(each.name)}</h2>
        <span class="reading">{percent(each.totalBytes > 0 ? each.sentBytes / each.totalBytes : 0)}</span>
      </div>
      <p class="quiet">{t.addImage.interruptedDetail(bytes(each.sentBytes), bytes(each.totalBytes))}</p>
      <div class="actions">
        <Button onClick={chooseFile}>{t.addImage.chooseInterrupted}</Button>
        <Button onClick={() => discardInterrupted(app, each)}>{t.addImage.discard}</Button>
      </div>
    </section>
  );
  return <div class="interrupted edits">{interrupted.map(card)}</div>;
}

const carriesFile = ({ dataTransfer }: DragEvent) => dataTransfer?.types.includes('Files') ?? false;

/** The whole window takes files; while one is dragged over it, it says so. */
export function DropVeil() {
  const app = useApp();
  // Entering a child leaves its parent: only when as many were left as entered has the file left the window.
  const depth = useSignal(0);
  useEffect(() => {
    addEventListener('dragenter', (event) => {
      if (carriesFile(event)) depth.value++;
    });
    addEventListener('dragleave', (event) => {
      if (carriesFile(event)) depth.value--;
    });
    addEventListener('dragover', (event) => {
      if (carriesFile(event)) event.preventDefault();
    });
    addEventListener('drop', (event) => {
      if (!carriesFile(event)) return;
      event.preventDefault();
      depth.value = 0;
      addFiles(app, [...(event.dataTransfer?.files ?? [])]);
    });
  }, [app, depth]);
  return (
    <div class={depth.value > 0 ? 'veil shown' : 'veil'} aria-hidden="true">
      <div class="veil-words">
        <Icon name="upload" size={32} />
        <p>{t.addImage.dropHere}</p>
      </div>
    </div>
  );
}
