/** The one panel: everything of the page that is not the map. A card on wide screens, a sheet on phones. */
import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import { renameKnown } from '../actions/add-image.ts';
import { retryJob } from '../actions/jobs.ts';
import { deleteScene } from '../actions/scenes.ts';
import { useApp } from '../app.ts';
import { Mark } from '../icons.tsx';
import type { Box } from '../map/map-view.ts';
import { t } from '../messages/index.ts';
import { LANGUAGES, type Language, language, setLanguage } from '../messages/languages.ts';
import type { ErrorMessage } from '../service/api.ts';
import { setTheme, type Theme, theme } from '../theme.ts';
import { SignOut } from './account.tsx';
import { AddImage, InterruptedUploads, Welcome } from './add-image.tsx';
import { Heading } from './heading.tsx';
import { Button, FindingCard, IconButton } from './parts.tsx';
import { Legend } from './result/legend.tsx';
import './panel.css';
import { Preflight } from './preflight.tsx';
import { ProblemCard } from './problem-card.tsx';
import { JobProgress, Uploads } from './progress.tsx';
import { Report } from './result/report.tsx';
import { SceneList } from './scene-list.tsx';
import { refusalOf, spokenOf, summaryOf } from './status.ts';

/** @param props.zoomTo shows a part of the map */
export function Panel({ zoomTo }: { zoomTo: (box: Box) => void }) {
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
          <LanguageButton />
          <ThemeButton />
        </div>
      </header>
      <div class="panel-body" id="panel-body">
        <p class="offline" role="status" hidden={!state.offline.value}>
          {t.panel.offline}
        </p>
        <CurrentError />
        <NotTaken />
        <Uploads />
        <KnownImage />
        <InterruptedUploads chooseFile={chooseFile} />
        <Welcome />
        <Heading />
        <Refusal chooseFile={chooseFile} />
        <Preflight />
        <JobProgress />
        <Legend />
        <Report zoomTo={zoomTo} />
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
      onClick={() => (sheetLowered.value = !sheetLowered.value)}
    >
      <span class="visually-hidden">{t.panel.sheet}</span>
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

/** To the other language, named in its own words. An upload would not outlive it. */
function LanguageButton() {
  const { upload } = useApp().state;
  const now = language();
  return (Object.keys(LANGUAGES) as Language[])
    .filter((each) => each !== now)
    .map((each) => (
      <button
        key={each}
        type="button"
        class="link language"
        lang={each}
        data-testid={`language-${each}`}
        hidden={upload.value !== null}
        onClick={() => setLanguage(each)}
      >
        {LANGUAGES[each]}
      </button>
    ));
}

function CurrentError() {
  const { offline, error } = useApp().state;
  if (!error.value || offline.value) return null;
  const dismiss = () => (error.value = null);
  return <ProblemCard key={JSON.stringify(error.value)} error={error.value} onDismiss={dismiss} />;
}

/** What was not taken of the files that came last. */
function NotTaken() {
  const { refusals } = useApp().state;
  const dismiss = (refusal: ErrorMessage) => (refusals.value = refusals.value.filter((each) => each !== refusal));
  return refusals.value.map((each) => <ProblemCard key={each} error={each} onDismiss={() => dismiss(each)} />);
}

/** The image that was sent though it was here already. */
function KnownImage() {
  const app = useApp();
  const known = app.state.known.value;
  if (!known) return null;
  const { scene, sentAs } = known;
  const keep = () => (app.state.known.value = null);
  const renamed = scene.name !== sentAs;
  const text = renamed ? t.addImage.hereUnder(scene.name) : t.addImage.hereSame(scene.name);
  return (
    <FindingCard severity="info" code="known" text={text} role="status" data-testid="known">
      <div class="actions">
        {renamed && <Button onClick={() => renameKnown(app)}>{t.addImage.rename(sentAs)}</Button>}
        <Button onClick={keep}>{renamed ? t.addImage.keepName : t.close}</Button>
      </div>
    </FindingCard>
  );
}

/** Why the scene or its job came to nothing: not over an image that is just being sent. */
function Refusal({ chooseFile }: { chooseFile: () => void }) {
  const app = useApp();
  const scene = app.state.scene.value;
  const refusal = refusalOf(app.state);
  if (!refusal || app.state.upload.value) return null;
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
