/** Name and measures of the scene that is open, and the ways to another map of it. */
import { openSettings, retryJob } from '../actions/jobs.ts';
import { useApp } from '../app.ts';
import { breakable, count, gsd } from '../format.ts';
import { t } from '../messages/index.ts';
import { ActionButton, Button } from './parts.tsx';
import './heading.css';

export function Heading() {
  const app = useApp();
  const { scene, job, settingsOpen } = app.state;
  if (!scene.value) return null;
  const { name, state, width, height, gsd_m, srs } = scene.value;
  const ready = state === 'ready';
  const ended = job.value && ['done', 'failed', 'cancelled'].includes(job.value.state);
  return (
    <section class="heading">
      <h1 class="scene-title">{breakable(name)}</h1>
      {ready && (
        <p class="quiet">{t.panel.sceneFacts(count(width ?? 0), count(height ?? 0), gsd(gsd_m ?? 0), srs ?? '')}</p>
      )}
      {ended && !settingsOpen.value && (
        <ActionButton class="link edits" data-testid="settings" onClick={() => openSettings(app)}>
          {t.panel.settings}
        </ActionButton>
      )}
      {ready && job.value?.state === 'cancelled' && !settingsOpen.value && (
        <Button class="primary edits" onClick={() => retryJob(app)}>
          {t.mapThisImage}
        </Button>
      )}
    </section>
  );
}
