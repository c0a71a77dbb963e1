/** The way of an image, step by step: it is read, and then its job has stages. */
import { count, timeLeft } from '../format.ts';
import { t } from '../messages/index.ts';
import type { JobJson, JobProgress, SceneJson, Stage } from '../service/types.ts';
import { waitsForRoom } from './status.ts';

export interface Step {
  title: string;
  state: 'pending' | 'current' | 'done';
  /** How far the current step is, where that can be counted. */
  detail: string;
}

export interface Work {
  /** Of the scene or the job. */
  id: string;
  title: string;
  share: number;
  /** Whether it is a job, which can be cancelled. */
  isJob: boolean;
  queued: boolean;
  steps: Step[];
}

const { steps, units } = t.progress;
/** Stages of a job; stitching keeps pace with inference and is told with it. */
const JOB_STEPS: readonly { title: string; stages: readonly Stage[]; unit?: string }[] = [
  { title: steps.plan, stages: ['ingest', 'plan'] },
  { title: steps.infer, stages: ['infer', 'stitch'], unit: units.chips },
  { title: steps.vectorize, stages: ['vectorize'], unit: units.strips },
  { title: steps.store, stages: ['store'] },
];

/** What is being done for the page's image; null where nothing is. */
export function workOf(scene: SceneJson | undefined, job: JobJson | null | undefined): Work | null {
  if (job?.state === 'queued' || job?.state === 'running') {
    const queued = job.state === 'queued';
    const { id, progress } = job;
    const waits = waitsForRoom(job) ? t.status.waitsForRoom : t.progress.queued;
    const title = queued ? waits : t.progress.mapping;
    return { id, title, share: progress.share, isJob: true, queued, steps: jobSteps(progress, queued) };
  }
  if (scene?.state !== 'uploaded' && scene?.state !== 'ingesting') return null;
  const rest = JOB_STEPS.map(({ title }) => step(title, 'pending'));
  const { id, progress: share } = scene;
  return {
    id,
    title: waitsForRoom(scene) ? t.status.waitsForRoom : t.status.reading,
    share,
    isJob: false,
    queued: false,
    steps: [step(steps.read, 'current'), ...rest],
  };
}

function jobSteps({ stage, done, total }: JobProgress, queued: boolean): Step[] {
  const current = JOB_STEPS.findIndex(({ stages }) => stages.includes(stage));
  const ofJob = JOB_STEPS.map(({ title, unit }, index) => {
    if (queued || index > current) return step(title, 'pending');
    if (index < current) return step(title, 'done');
    return step(title, 'current', total > 1 && unit ? t.count(count(done), count(total), unit) : '');
  });
  return [step(steps.read, 'done'), ...ofJob];
}

const step = (title: string, state: Step['state'], detail = ''): Step => ({ title, state, detail });

/** Before this share an estimate of the rest would be a guess. */
const ESTIMATE_FROM = 0.04;

/** Time left, from the pace since this page first saw the work: the service's clock may not be ours. */
export function createEstimate(now: () => number): (id: string, share: number) => string {
  let first: { id: string; share: number; at: number } | null = null;
  return (id, share) => {
    if (first?.id !== id || share < first.share) first = { id, share, at: now() };
    const gained = share - first.share;
    return gained < ESTIMATE_FROM ? '' : timeLeft(((now() - first.at) / gained) * (1 - share));
  };
}
