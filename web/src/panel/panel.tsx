/** The one panel: everything of the page that is not the map. A card on wide screens, a sheet on phones. */
import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import { retryJob } from '../actions/jobs.ts';
import { deleteScene } from '../actions/scenes.ts';
import { useApp } from '../app.ts';
import { Mark } from '../icons.tsx';
import { t } from '../messages/index.ts';
import { setTheme, type Theme, theme } from '../theme.ts';
import { SignOut } from './account.tsx';
import { AddImage, InterruptedUploads, Welcome } from './add-image.tsx';
import { Heading } from './heading.tsx';
import { Button, IconButton } from './parts.tsx';
import { Legend } from './result/legend.tsx';
import './panel.css';
import { Preflight } from './preflight.tsx';
import { ProblemCard } from './problem-card.tsx';
import { JobProgress, UploadProgress } from './progress.tsx';
import { Report } from './result/report.tsx';
import { SceneList } from './scene-list.tsx';
import { refusalOf, spokenOf, summaryOf } from './status.ts';

export function Panel() {
  const { state } = useApp();
  const fileInput = useRef<HTMLInputElement>(null);
  const chooseFile = () => fileInput.current?.click();
  return (
    <main class={state.sheetLowered.value ? 'panel lowered' : 'panel'} aria-label={t.panel.title}>
      <header class="brand">
        <SheetHandle />
        <div class="brand-name">
          <Mark size={26} />
          {t.panel.title}
        </div>
        <div class="brand-buttons">
          <SignOut />
          <ThemeButton />
        </div>
      </header>
      <div class="panel-body" id="panel-body">
        <p class="offline" role="status" hidden={!state.offline.value}>
          {t.panel.offline}
        </p>
        <CurrentError />
        <InterruptedUploads chooseFile={chooseFile} />
        <Welcome />
        <Heading />
        <Refusal chooseFile={chooseFile} />
        <Preflight />
        <div class="progress">
          <UploadProgress />
          <JobProgress />
        </div>
        <Legend />
        <Report />
        <SceneList />
        <AddImage input={fileInput} />
        <Spoken />
      </div>
    </main>
  );
}

/** On phones the panel is a sheet that this button lowers and raises. */
function SheetHandle() {
  const { state } = useApp();
  const { sheetLowered } = state;
  return (
    <button
      type="button"
      class="sheet-handle"
      aria-expanded={!sheetLowered.value}
      aria-controls="panel-body"
      aria-label={t.panel.sheet}
      onClick={() => (sheetLowered.value = !sheetLowered.value)}
    >
      <span class="sheet-summary">{summaryOf(state)}</span>
    </button>
  );
}

const THEMES: readonly Theme[] = ['system', 'light', 'dark'];
const THEME_ICONS = { system: 'system', light: 'sun', dark: 'moon' } as const;

function ThemeButton() {
  const now = theme.value;
  const label = t.panel.theme[now];
  const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
  return <IconButton icon={THEME_ICONS[now]} size={19} label={label} title={label} onClick={() => setTheme(next)} />;
}

function CurrentError() {
  const { offline, error } = useApp().state;
  if (!error.value || offline.value) return null;
  const dismiss = () => (error.value = null);
  return <ProblemCard key={JSON.stringify(error.value)} error={error.value} onDismiss={dismiss} />;
}

/** Why the scene or its job came to nothing. */
function Refusal({ chooseFile }: { chooseFile: () => void }) {
  const app = useApp();
  const scene = app.state.scene.value;
  const refusal = refusalOf(app.state);
  if (!refusal) return null;
  const remedies: ComponentChildren =
    scene?.state === 'refused' ? (
      <>
        <Button onClick={chooseFile}>{t.panel.chooseAnother}</Button>
        <Button onClick={() => deleteScene(app, scene)}>{t.panel.remove}</Button>
      </>
    ) : (
      <Button onClick={() => retryJob(app)}>{t.tryAgain}</Button>
    );
  return (
    <ProblemCard key={`${scene?.id}-${refusal.code}`} error={refusal}>
      {remedies}
    </ProblemCard>
  );
}

function Spoken() {
  return (
    <p class="visually-hidden" role="status">
      {spokenOf(useApp().state)}
    </p>
  );
}
