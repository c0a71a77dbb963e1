/** How far the upload, the reading of an image and its job are. */
import { useMemo } from 'preact/hooks';
import { cancelUpload } from '../actions/add-image.ts';
import { cancelJob } from '../actions/jobs.ts';
import { useApp } from '../app.ts';
import { bytes, percent, timeLeft } from '../format.ts';
import { Icon } from '../icons.tsx';
import { t } from '../messages/index.ts';
import type { UploadState } from '../service/upload.ts';
import { Button, ProgressBar } from './parts.tsx';
import './progress.css';
import { createEstimate, workOf } from './work.ts';

export function UploadProgress() {
  const app = useApp();
  const upload = app.state.upload.value;
  if (!upload) return null;
  const { name, sentBytes, totalBytes, paused } = upload;
  const done = totalBytes > 0 ? sentBytes / totalBytes : 0;
  return (
    <section class="card" data-testid="upload-progress">
      <div class="card-head">
        <h2>{paused ? t.status.uploadPaused : done < 1 ? t.status.uploading : t.progress.verifying}</h2>
        <span class="reading">{percent(done)}</span>
      </div>
      <p class="quiet card-name">{name}</p>
      <ProgressBar label={t.progress.upload} share={done} />
      <p class="quiet">{amountText(upload)}</p>
      <div class="actions">
        <Button onClick={() => (paused ? app.upload?.resume() : app.upload?.pause())}>
          <Icon name={paused ? 'play' : 'pause'} size={16} />
          {paused ? t.progress.resume : t.progress.pause}
        </Button>
        <Button onClick={() => cancelUpload(app)}>{t.cancel}</Button>
      </div>
    </section>
  );
}

function amountText({ sentBytes, totalBytes, bytesPerSecond, paused }: UploadState): string {
  const parts = [t.amount(bytes(sentBytes), bytes(totalBytes))];
  if (bytesPerSecond > 0 && !paused && sentBytes < totalBytes) {
    parts.push(`${bytes(bytesPerSecond)}/s`, timeLeft(((totalBytes - sentBytes) / bytesPerSecond) * 1000));
  }
  return parts.join(' · ');
}

export function JobProgress() {
  const app = useApp();
  const { scene, job } = app.state;
  const estimate = useMemo(() => createEstimate(() => performance.now()), []);
  const work = workOf(scene.value, job.value);
  if (!work) return null;
  const left = work.queued ? '' : estimate(work.id, work.share);
  return (
    <section class="card" data-testid="job-progress">
      <div class="card-head">
        <h2>{work.title}</h2>
        <span class="reading">{percent(work.share)}</span>
      </div>
      <ProgressBar label={t.progress.job} share={work.share} />
      <ol class="steps">
        {work.steps.map(({ title, state, detail }) => (
          <li key={title} class="step" data-state={state} aria-current={state === 'current' ? 'step' : undefined}>
            <span class="step-mark">
              <Icon name="check" size={13} />
            </span>
            <span>{title}</span>
            <span class="step-detail">{detail}</span>
          </li>
        ))}
      </ol>
      {(work.isJob || left) && (
        <div class="card-foot">
          <p class="quiet">{left}</p>
          {work.isJob && <Button onClick={() => cancelJob(app)}>{t.cancel}</Button>}
        </div>
      )}
    </section>
  );
}
