/** The way of an image, step by step: upload, reading, and the stages of its job. */
import type { JobJson, SceneJson, Stage } from '../../server/api/index.ts';
import type { Actions } from './actions.ts';
import { h, icon, progressBar, replace, setText } from './dom.ts';
import { bytes, count, percent, timeLeft } from './format.ts';
import { currentScene, type State, type UploadState } from './state.ts';

type StepState = 'pending' | 'current' | 'done';

interface Step {
  title: string;
  stages: readonly Stage[];
  /** What the stage counts. */
  unit: string;
}

const READING = 'Read the image';
/** Stages of a job; stitching keeps pace with inference and is told with it. */
const STEPS: readonly Step[] = [
  { title: 'Plan the chips', stages: ['ingest', 'plan'], unit: '' },
  { title: 'Segment and stitch', stages: ['infer', 'stitch'], unit: 'chips' },
  { title: 'Draw the outlines', stages: ['vectorize'], unit: 'rows' },
  { title: 'Measure and store', stages: ['store'], unit: 'features' },
];
/** Before this share an estimate of the rest would be a guess. */
const ESTIMATE_FROM = 0.04;

export function createProgress(actions: Actions): { element: HTMLElement; render(state: State): void } {
  const upload = createUploadCard(actions);
  const work = createWorkCard(actions);
  const element = h('div', { class: 'progress' }, upload.element, work.element);
  return {
    element,
    render(state) {
      upload.render(state.upload);
      work.render(currentScene(state), state.job ?? null);
    },
  };
}

function createUploadCard(actions: Actions): { element: HTMLElement; render(upload: UploadState | null): void } {
  const title = h('h2');
  const name = h('p', { class: 'quiet card-name' });
  const share = h('span', { class: 'reading' });
  const bar = progressBar('Upload');
  const amount = h('p', { class: 'quiet' });
  const pause = h('button', { type: 'button', class: 'button' });
  const cancel = h('button', { type: 'button', class: 'button', onclick: actions.cancelUpload }, 'Cancel');
  let paused: boolean | null = null;
  pause.addEventListener('click', () => (paused ? actions.resumeUpload() : actions.pauseUpload()));
  const element = h(
    'section',
    { class: 'card', 'data-testid': 'upload-progress', hidden: true },
    h('div', { class: 'card-head' }, title, share),
    name,
    bar.element,
    amount,
    h('div', { class: 'actions' }, pause, cancel),
  );
  return {
    element,
    render(upload) {
      element.hidden = upload === null;
      if (!upload) return;
      const { sentBytes, totalBytes, bytesPerSecond } = upload;
      const done = totalBytes > 0 ? sentBytes / totalBytes : 0;
      setText(title, upload.paused ? 'Upload paused' : done < 1 ? 'Uploading' : 'Checking what arrived');
      setText(name, upload.name);
      setText(share, percent(done));
      bar.set(done);
      const speed = bytesPerSecond > 0 && !upload.paused ? ` · ${bytes(bytesPerSecond)}/s` : '';
      const left = speed && done < 1 ? ` · ${timeLeft(((totalBytes - sentBytes) / bytesPerSecond) * 1000)}` : '';
      setText(amount, `${bytes(sentBytes)} of ${bytes(totalBytes)}${done < 1 ? speed + left : ''}`);
      if (paused === upload.paused) return;
      paused = upload.paused;
      replace(pause, icon(paused ? 'play' : 'pause', 16), paused ? 'Resume' : 'Pause');
    },
  };
}

function createWorkCard(actions: Actions): {
  element: HTMLElement;
  render(scene: SceneJson | undefined, job: JobJson | null): void;
} {
  const title = h('h2');
  const share = h('span', { class: 'reading' });
  const bar = progressBar('Job');
  const left = h('p', { class: 'quiet' });
  const rows = [READING, ...STEPS.map((step) => step.title)].map(createRow);
  const cancel = h('button', { type: 'button', class: 'button', onclick: () => void actions.cancelJob() }, 'Cancel');
  const foot = h('div', { class: 'card-foot' }, left, cancel);
  const element = h(
    'section',
    { class: 'card', 'data-testid': 'job-progress', hidden: true },
    h('div', { class: 'card-head' }, title, share),
    bar.element,
    h('ol', { class: 'steps' }, ...rows.map((row) => row.element)),
    foot,
  );
  const estimate = createEstimate();
  return {
    element,
    render(scene, job) {
      const reading = scene !== undefined && (scene.state === 'uploaded' || scene.state === 'ingesting');
      const working = job !== null && (job.state === 'queued' || job.state === 'running');
      element.hidden = !reading && !working;
      if (element.hidden) return;
      cancel.hidden = !working;
      if (working) {
        const current = STEPS.findIndex(({ stages }) => stages.includes(job.progress.stage));
        setText(title, job.state === 'queued' ? 'Waiting for its turn' : 'Mapping');
        setText(share, percent(job.progress.share));
        bar.set(job.progress.share);
        setText(left, job.state === 'queued' ? '' : estimate(job.id, job.progress.share));
        rows[0].set('done', '');
        for (const [index, { unit }] of STEPS.entries()) {
          const { done, total } = job.progress;
          const counted = total > 1 && unit ? `${count(done)} / ${count(total)} ${unit}` : '';
          if (job.state === 'queued' || index > current) rows[index + 1].set('pending', '');
          else rows[index + 1].set(index < current ? 'done' : 'current', index < current ? '' : counted);
        }
      } else if (scene) {
        setText(title, 'Reading the image');
        setText(share, percent(scene.progress));
        bar.set(scene.progress);
        setText(left, estimate(scene.id, scene.progress));
        for (const [index, row] of rows.entries()) row.set(index === 0 ? 'current' : 'pending', '');
      }
      foot.hidden = cancel.hidden && left.textContent === '';
    },
  };
}

function createRow(title: string): { element: HTMLElement; set(state: StepState, detail: string): void } {
  const detail = h('span', { class: 'step-detail' });
  const mark = h('span', { class: 'step-mark' }, icon('check', 13));
  const element = h('li', { class: 'step' }, mark, h('span', {}, title), detail);
  return {
    element,
    set(state, text) {
      element.dataset.state = state;
      if (state === 'current') element.setAttribute('aria-current', 'step');
      else element.removeAttribute('aria-current');
      setText(detail, text);
    },
  };
}

/** Time left, from the pace since this page first saw the work: the service's clock may not be ours. */
function createEstimate(): (id: string, share: number) => string {
  let first: { id: string; share: number; at: number } | null = null;
  return (id, share) => {
    const now = performance.now();
    if (first?.id !== id || share < first.share) first = { id, share, at: now };
    const gained = share - first.share;
    return gained < ESTIMATE_FROM ? '' : timeLeft(((now - first.at) / gained) * (1 - share));
  };
}
