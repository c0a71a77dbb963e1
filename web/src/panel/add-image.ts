/** Where images come in: a drop anywhere on the page, a chosen file, the demo scene, an upload to go on with. */
import type { Actions } from '../actions.ts';
import { h, icon, replace, setText } from '../dom.ts';
import { bytes, percent } from '../format.ts';
import type { InterruptedUpload, State } from '../state.ts';
import { createByAddress } from './add-by-url.ts';

const CAN_DROP = matchMedia('(hover: hover)').matches;
const EMPTY_WORDS = CAN_DROP ? 'Drop a GeoTIFF anywhere on this page' : 'Bring a GeoTIFF';
const MORE_WORDS = CAN_DROP ? 'Drop another GeoTIFF, or' : 'Add another GeoTIFF';
const ACCEPT = '.tif,.tiff,.zip,image/tiff,application/zip';

export interface Intake {
  welcome: HTMLElement;
  interrupted: HTMLElement;
  drop: HTMLElement;
  chooseFile(): void;
  render(state: State): void;
}

export function createIntake(actions: Actions): Intake {
  const input = h('input', {
    type: 'file',
    accept: ACCEPT,
    class: 'visually-hidden',
    tabindex: -1,
    'data-testid': 'file-input',
    'aria-label': 'GeoTIFF',
  });
  input.addEventListener('change', () => {
    const [file] = input.files ?? [];
    if (file) void actions.upload(file);
    input.value = '';
  });
  const chooseFile = () => input.click();

  const formats = h('p', { class: 'drop-formats' });
  const words = h('p', { class: 'drop-words' });
  const choose = h('button', { type: 'button', class: 'button primary', onclick: chooseFile }, 'Choose a file');
  const drop = h(
    'section',
    { class: 'drop edits', 'data-testid': 'drop', 'aria-label': 'Add an image' },
    icon('upload', 22),
    words,
    choose,
    formats,
    input,
  );

  const welcome = h(
    'section',
    { class: 'welcome edits', hidden: true },
    h('h1', {}, 'From image to measured\u00a0map'),
    h(
      'p',
      {},
      'Give Planimeter an aerial or satellite image. It draws the buildings, roads, vegetation and water as clean shapes, and measures every one.',
    ),
  );
  const demoTitle = h('strong');
  const demoNote = h('small');
  const demo = h(
    'button',
    { type: 'button', class: 'demo', 'data-testid': 'demo', onclick: () => void actions.tryDemo() },
    h('span', {}, demoTitle, demoNote),
    icon('chevron', 20),
  );
  const interrupted = h('div', { class: 'interrupted edits' });
  listenToDrops(actions);
  let shownInterrupted: readonly InterruptedUpload[] = [];

  const address = createByAddress(actions);
  const element = h('div', { class: 'edits' }, drop, address.element, demo);
  return {
    welcome,
    interrupted,
    drop: element,
    chooseFile,
    render(state) {
      address.render(state);
      const empty = state.started && state.scenes.length === 0 && !state.upload;
      welcome.hidden = !empty;
      demo.hidden = !empty;
      demo.disabled = state.demoUnderWay;
      setText(demoTitle, state.demoUnderWay ? 'Building the town' : 'Try the demo scene');
      setText(
        demoNote,
        state.demoUnderWay ? 'Streets, roofs, trees and a river…' : 'A generated town, mapped in a minute',
      );
      element.hidden = !state.started || state.upload !== null;
      drop.classList.toggle('compact', !empty);
      choose.classList.toggle('primary', empty);
      setText(words, empty ? EMPTY_WORDS : MORE_WORDS);
      const limit = state.service ? `, up to ${bytes(state.service.limits.upload_bytes)}` : '';
      setText(formats, `Any bands and bit depth, with a coordinate system${limit}`);
      if (state.interrupted === shownInterrupted) return;
      shownInterrupted = state.interrupted;
      replace(interrupted, ...state.interrupted.map((upload) => interruptedCard(upload, chooseFile, actions)));
    },
  };
}

function interruptedCard(upload: InterruptedUpload, chooseFile: () => void, actions: Actions): HTMLElement {
  const share = upload.totalBytes > 0 ? upload.sentBytes / upload.totalBytes : 0;
  return h(
    'section',
    { class: 'card', 'data-testid': 'interrupted' },
    h(
      'div',
      { class: 'card-head' },
      h('h2', {}, `${upload.name} is not complete`),
      h('span', { class: 'reading' }, percent(share)),
    ),
    h(
      'p',
      { class: 'quiet' },
      `${bytes(upload.sentBytes)} of ${bytes(upload.totalBytes)} arrived. Choose the same file again and it goes on from there.`,
    ),
    h(
      'div',
      { class: 'actions' },
      h('button', { type: 'button', class: 'button', onclick: chooseFile }, 'Choose the file'),
      h('button', { type: 'button', class: 'button', onclick: () => void actions.forgetUpload(upload) }, 'Discard'),
    ),
  );
}

/** The whole window takes files; while one is dragged over it, it says so. */
function listenToDrops(actions: Actions): void {
  const veil = h(
    'div',
    { class: 'veil', 'aria-hidden': 'true' },
    h('div', { class: 'veil-words' }, icon('upload', 32), h('p', {}, 'Let go to map this image')),
  );
  document.body.append(veil);
  const carriesFile = ({ dataTransfer }: DragEvent) => dataTransfer?.types.includes('Files') ?? false;
  // Entering a child leaves its parent: only when as many were left as entered has the file left the window.
  let depth = 0;
  const show = () => veil.classList.toggle('shown', depth > 0);
  addEventListener('dragenter', (event) => {
    if (carriesFile(event)) depth++;
    show();
  });
  addEventListener('dragleave', (event) => {
    if (carriesFile(event)) depth--;
    show();
  });
  addEventListener('dragover', (event) => {
    if (carriesFile(event)) event.preventDefault();
  });
  addEventListener('drop', (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    depth = 0;
    show();
    const [file] = event.dataTransfer?.files ?? [];
    if (file) void actions.upload(file);
  });
}
