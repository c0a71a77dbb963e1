/** How good the map is: its sample drawn, looked at, and what comes of it. */
import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../../app.ts';
import { count, percent } from '../../format.ts';
import { t } from '../../messages/index.ts';
import { messageOf, ServiceError } from '../../service/api.ts';
import { BASE } from '../../service/connection.ts';
import type { JobAccuracyJson, JobJson, SampleJson } from '../../service/types.ts';
import { Button, ProgressBar } from '../parts.tsx';
import './accuracy.css';
import { deleteSample, drawSample, getAccuracy, getSamples, importAnswers, type Reviewer } from './requests.ts';
import { AccuracyResult } from './result.tsx';
import { ReviewDialog } from './review.tsx';

const texts = t.accuracy;
const USUAL_SIZE = 300;
const USUAL_SECOND_PERCENT = 10;
const REMEMBERED_NAME = 'planimeter-reviewer';
/** The name of whoever asks a service that has no tokens. */
const ANYBODY = 'anybody';

export function Accuracy({ job }: { job: JobJson }) {
  const { service } = useApp().state;
  const edits = service.value?.caller.role !== 'viewer' && !service.value?.caller.job;
  const sample = useSignal<SampleJson | null>(null);
  const found = useSignal<JobAccuracyJson | null>(null);
  const status = useSignal(texts.loading);

  const load = async () => {
    try {
      if (edits) [sample.value = null] = await getSamples(job.id);
      // Who still looks is not shown what comes of it, unless they ask.
      const { answered = 0, points = 0 } = sample.value?.progress ?? {};
      if (!edits || (sample.value && answered === points)) found.value = await result();
      status.value = edits || found.value ? '' : texts.nobody;
    } catch (error) {
      status.value = messageOf(error).detail;
    }
  };
  const result = () =>
    getAccuracy(job.id).catch((error: unknown) => {
      // Nobody has looked yet.
      if (error instanceof ServiceError && error.code === 'not_found') return null;
      throw error;
    });
  const showSoFar = () =>
    attempt(async () => {
      found.value = await result();
      return '';
    });
  useEffect(() => void load(), []);
  const attempt = async (action: () => Promise<string>) => {
    try {
      const said = await action();
      await load();
      status.value = said;
    } catch (error) {
      status.value = messageOf(error).detail;
    }
  };

  return (
    <>
      <p class="quiet">{texts.about}</p>
      {edits && !sample.value && status.value !== texts.loading && <Draw job={job.id} attempt={attempt} />}
      {edits && sample.value && <Review job={job} sample={sample.value} attempt={attempt} reload={load} />}
      <p class="quiet" role="status" hidden={!status.value}>
        {status}
      </p>
      {edits && !found.value && (sample.value?.progress.answered ?? 0) > 0 && (
        <Button onClick={showSoFar}>{texts.soFar}</Button>
      )}
      {found.value && <AccuracyResult found={found.value} />}
    </>
  );
}

function rememberedName(): string {
  try {
    return localStorage.getItem(REMEMBERED_NAME) ?? '';
  } catch {
    return ''; // Storage is closed to this page.
  }
}

function rememberName(name: string): void {
  try {
    localStorage.setItem(REMEMBERED_NAME, name);
  } catch {
    // Storage is closed to this page.
  }
}

type Attempt = (action: () => Promise<string>) => Promise<void>;

function Draw({ job, attempt }: { job: string; attempt: Attempt }) {
  const size = useSignal(USUAL_SIZE);
  const second = useSignal(USUAL_SECOND_PERCENT);
  const draw = () =>
    attempt(async () => {
      await drawSample(job, { size: size.value, second_share: second.value / 100 });
      return '';
    });
  return (
    <div class="sample-form">
      <NumberField label={texts.size} value={size} min={30} max={10_000} />
      <NumberField label={texts.second} value={second} min={0} max={100} />
      <Button class="primary" data-testid="draw-sample" onClick={draw}>
        {texts.draw}
      </Button>
    </div>
  );
}

function NumberField(props: { label: string; value: Signal<number>; min: number; max: number }) {
  const { label, value, min, max } = props;
  return (
    <label class="sample-field">
      <span>{label}</span>
      <input
        class="text"
        type="number"
        inputMode="numeric"
        {...{ min, max }}
        value={value.value}
        onInput={({ currentTarget }) => (value.value = Number(currentTarget.value))}
      />
    </label>
  );
}

interface ReviewProps {
  job: JobJson;
  sample: SampleJson;
  attempt: Attempt;
  reload: () => Promise<void>;
}

function Review({ job, sample, attempt, reload }: ReviewProps) {
  const { service } = useApp().state;
  const named = service.value?.caller.name !== ANYBODY;
  const name = useSignal(rememberedName());
  const open = useSignal(false);
  const file = useRef<HTMLInputElement>(null);
  const { progress, design } = sample;
  const reviewer: Reviewer = named || name.value.trim() === '' ? {} : { reviewer: name.value.trim() };
  const begin = () => {
    rememberName(name.value.trim());
    open.value = true;
  };
  const closed = () => {
    open.value = false;
    return reload();
  };
  const read = (chosen: File | undefined) =>
    attempt(async () => (chosen ? texts.imported((await importAnswers(job.id, sample.id, chosen)).answers) : ''));
  const removeIt = () => {
    if (!confirm(texts.sure)) return;
    return attempt(async () => {
      await deleteSample(job.id, sample.id);
      return '';
    });
  };
  const files = `${BASE}/jobs/${job.id}/samples/${sample.id}`;
  const share = progress.points > 0 ? progress.answered / progress.points : 0;
  const label = texts.progress(count(progress.answered), count(progress.points));
  return (
    <div class="sample">
      <p>{label}</p>
      <ProgressBar label={label} share={share} />
      <p class="quiet">
        {progress.second_wanted > 0 &&
          `${texts.secondProgress(count(progress.second_done), count(progress.second_wanted))}. `}
        {progress.disagreeing > 0 && `${texts.disagreeing(progress.disagreeing)} `}
        {texts.expected(percent(1.96 * design.expected_standard_error))}
      </p>
      {!named && (
        <label class="sample-field">
          <span>{texts.name}</span>
          <input
            class="text"
            maxLength={100}
            value={name}
            onInput={({ currentTarget }) => (name.value = currentTarget.value)}
          />
        </label>
      )}
      <Button class="primary" data-testid="review-points" onClick={begin}>
        {texts.review}
      </Button>
      <div class="sample-links">
        <a href={`${files}/plots.csv`} download>
          {texts.plots}
        </a>
        <a href={`${files}/answers.csv`} download>
          {texts.answers}
        </a>
        <button type="button" class="link" onClick={() => file.current?.click()}>
          {texts.importFile}
        </button>
        <button type="button" class="link" onClick={removeIt}>
          {texts.remove}
        </button>
        <input
          ref={file}
          type="file"
          hidden
          accept=".csv,.geojson,.json"
          data-testid="answers-file"
          onChange={({ currentTarget }) => read(currentTarget.files?.[0])}
        />
      </div>
      {open.value && <ReviewDialog job={job} sample={sample} by={reviewer} onClose={closed} />}
    </div>
  );
}
