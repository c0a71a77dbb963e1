/** How far the upload, the reading of an image and its job are. */
import { useMemo } from 'preact/hooks';
import { cancelUpload, dropWaiting } from '../actions/add-image.ts';
import { cancelJob } from '../actions/jobs.ts';
import { useApp } from '../app.ts';
import { bytes, percent, timeLeft } from '../format.ts';
import { Icon } from '../icons.tsx';
import { t } from '../messages/index.ts';
import type { UploadState } from '../service/upload.ts';
import { Button, IconButton, ProgressBar } from './parts.tsx';
import './progress.css';
import { createEstimate, workOf } from './work.ts';

/** The image that is being sent, and those that wait for it. */
export function Uploads() {
  const app = useApp();
  const { upload, waiting } = app.state;
  if (!upload.value) return null;
  return (
    <div class="progress" data-testid="uploads">
      <UploadProgress upload={upload.value} />
      <ul class="waiting">
        {waiting.value.map((each) => (
          <li key={each} data-testid="waiting">
            <span class="waiting-name" title={each.image.name}>
              {each.image.name}
            </span>
            <span class="quiet">{t.addImage.waiting}</span>
            <IconButton
              icon="close"
              size={16}
              label={t.addImage.remove(each.image.name)}
              onClick={() => dropWaiting(app, each)}
            />
          </li>
        ))}
      </ul>
    </div>
  );
}

function UploadProgress({ upload }: { upload: UploadState }) {
  const app = useApp();
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
