/** What was measured per class, with switches for what the map shows. */
import type { Signal } from '@preact/signals';
import { retryJob } from '../../actions/jobs.ts';
import { useApp } from '../../app.ts';
import { titleOf } from '../../format.ts';
import { t } from '../../messages/index.ts';
import type { JobJson } from '../../service/types.ts';
import { type State, setRange } from '../../state.ts';
import { FilterNote } from '../filter-note.tsx';
import { Button, ClassBar, Facts, Figure, FindingCard } from '../parts.tsx';
import { type ClassRow, measuresOf, notComputed } from './measures.ts';
import './legend.css';

const texts = t.legend;

export function Legend() {
  const { doneJob } = useApp().state;
  return (
    <section class="legend" data-testid="legend" aria-label={texts.title} hidden={!doneJob.value}>
      {doneJob.value && <Measured job={doneJob.value} />}
      <View />
    </section>
  );
}

function Measured({ job }: { job: JobJson }) {
  const { state } = useApp();
  const { value, unit, note, rows, others } = measuresOf(job, state.model.value);
  return (
    <>
      <Findings job={job} />
      <div class="figure-row">
        <Figure value={value} unit={unit} />
        <p class="quiet">{note}</p>
      </div>
      <div class="composition" aria-hidden="true">
        {rows.map(({ name, share, color }) => (
          <i key={name} style={{ flexGrow: String(share), backgroundColor: color }} />
        ))}
      </div>
      <ul class="classes">
        {rows.map((row) => (
          <Row key={row.name} row={row} />
        ))}
        <FailedRow job={job} />
      </ul>
      {others.length > 0 && (
        <section class="collections" data-testid="collections" aria-label={texts.collections}>
          <Facts facts={others} />
        </section>
      )}
    </>
  );
}

/** What a user should know of the map; where parts of it are missing, the way to have them. */
function Findings({ job }: { job: JobJson }) {
  const app = useApp();
  return (
    <div class="findings">
      {(job.report?.findings ?? []).map(({ code, severity, message, fix }) => (
        <FindingCard
          key={message}
          role="status"
          data-testid="job-finding"
          severity={severity}
          code={code}
          text={fix ? `${message} ${fix}` : message}
        >
          {code === 'chips_failed' && <Button onClick={() => retryJob(app)}>{t.tryAgain}</Button>}
        </FindingCard>
      ))}
    </div>
  );
}

function Row({ row: { name, color, share, percent, value, unit, note } }: { row: ClassRow }) {
  const { state } = useApp();
  return (
    <li data-testid={`class-${name}`} style={{ '--class-colour': color }}>
      <label class="class-row">
        <input
          type="checkbox"
          class="swatch"
          checked={!state.hiddenClasses.value.has(name)}
          onChange={({ currentTarget }) => showClass(state, name, currentTarget.checked)}
        />
        <span class="class-name">{titleOf(name)}</span>
        <span class="class-area">
          {value}
          {unit && <small>{`\u2009${unit}`}</small>}
        </span>
        <span class="class-count">{note}</span>
        <span class="class-share">{percent}</span>
        <ClassBar share={share} />
      </label>
    </li>
  );
}

function showClass({ hiddenClasses, selected }: State, name: string, shown: boolean): void {
  const hidden = new Set(hiddenClasses.value);
  if (shown) hidden.delete(name);
  else hidden.add(name);
  hiddenClasses.value = hidden;
  if (selected.value && hidden.has(selected.value.class)) selected.value = null;
}

/** What the hatching on the map means. */
function FailedRow({ job }: { job: JobJson }) {
  const missing = notComputed(job);
  if (!missing) return null;
  const [value, unit] = missing;
  return (
    <li class="class-row failed-row" data-testid="failed">
      <span class="hatched" aria-hidden="true" />
      <span class="class-name">{texts.notComputed}</span>
      <span class="class-area">
        {value}
        <small>{`\u2009${unit}`}</small>
      </span>
    </li>
  );
}

function View() {
  const { state } = useApp();
  const { classOpacity, ranges, imageryVisible, scoresVisible, detects, doneJob } = state;
  const scored = !doneJob.value?.report?.findings?.some(({ code }) => code === 'no_scores');
  const [least, most] = ranges.value.score ?? [null, null];
  const setLeastScore = (score: number) => setRange(state, 'score', [score > 0 ? score : null, most]);
  const setOpacity = (opacity: number) => (classOpacity.value = opacity);
  return (
    <div class="view">
      <div class="view-row">
        <label for="opacity">{texts.opacity}</label>
        <Slider id="opacity" max={100} share={classOpacity.value} onSet={setOpacity} />
      </div>
      <div class="view-row" title={texts.leastScoreDetail}>
        <label for="least-score">{texts.leastScore}</label>
        {scored ? (
          <Slider id="least-score" max={95} share={least ?? 0} onSet={setLeastScore} />
        ) : (
          <span class="quiet" data-testid="no-scores">
            {texts.noScores}
          </span>
        )}
      </div>
      <FilterNote />
      <label class="view-row" for="imagery">
        <span>{texts.imagery}</span>
        <Switch id="imagery" on={imageryVisible} />
      </label>
      {/* Boxes have a score each, and no map of it; of some networks there is none. */}
      <label class="view-row" for="certainty" hidden={detects.value || !scored}>
        <span>{texts.certainty}</span>
        <span class="ramp" hidden={!scoresVisible.value}>
          {texts.unsure}
          <i />
          {texts.sure}
        </span>
        <Switch id="certainty" on={scoresVisible} />
      </label>
    </div>
  );
}

/** @param props.share 0..1, set in steps of 0.05 */
function Slider({ id, max, share, onSet }: { id: string; max: number; share: number; onSet: (share: number) => void }) {
  const value = Math.round(share * 100);
  return (
    <>
      <input
        type="range"
        id={id}
        data-testid={id}
        min={0}
        max={max}
        step={5}
        value={value}
        style={{ '--filled': `${(100 * value) / max}%` }}
        onInput={({ currentTarget }) => onSet(Number(currentTarget.value) / 100)}
      />
      <output for={id}>{t.percent(String(value))}</output>
    </>
  );
}

function Switch({ id, on }: { id: string; on: Signal<boolean> }) {
  const toggle = ({ currentTarget }: { currentTarget: HTMLInputElement }) => (on.value = currentTarget.checked);
  return (
    // biome-ignore lint/a11y/useAriaPropsForRole: a checkbox says by itself whether it is checked.
    <input type="checkbox" role="switch" class="switch" id={id} data-testid={id} checked={on} onChange={toggle} />
  );
}
