/** Before a job: what was understood of the image, and what a person may set (network, bands, stretch), with its cost. */
import type { ComponentChildren } from 'preact';
import { startJob } from '../actions/jobs.ts';
import { useApp } from '../app.ts';
import { aboutMinutes, bytes, figure, gsd, percent } from '../format.ts';
import { fixedSettings, type JobSettings, stretchBetween } from '../job-settings.ts';
import { t } from '../messages/index.ts';
import type { BandValues, Finding, PreflightJson } from '../service/types.ts';
import { Button, Facts, FindingCard } from './parts.tsx';
import './preflight.css';

const COLOURS = ['red', 'green', 'blue'] as const;
const texts = t.preflight;

export function Preflight() {
  const app = useApp();
  const { job, preflight, preflightShown, settingsOpen } = app.state;
  if (!preflightShown.value) return null;
  const close = () => (settingsOpen.value = false);
  return (
    <section class="preflight" data-testid="preflight">
      <h2 class="section-title">{job.value ? texts.titleAgain : texts.title}</h2>
      <div class="preflight-content">
        {preflight.value ? <Settings preflight={preflight.value} /> : <p class="quiet">{texts.analysing}</p>}
      </div>
      <div class="actions edits">
        <Button class="primary" data-testid="begin" onClick={() => startJob(app)}>
          {job.value ? texts.begin : t.mapThisImage}
        </Button>
        {job.value && <Button onClick={close}>{t.close}</Button>}
      </div>
    </section>
  );
}

interface FieldProps {
  preflight: PreflightJson;
  settings: JobSettings;
  change: (changes: Partial<JobSettings>) => void;
}

function Settings({ preflight }: { preflight: PreflightJson }) {
  const { settings } = useApp().state;
  const change = (changes: Partial<JobSettings>) => {
    settings.value = { ...settings.value, ...changes };
  };
  const field = { preflight, settings: settings.value, change };
  return (
    <>
      {preflight.findings.map((finding) => (
        <FixableFinding key={finding.message} finding={finding} {...field} />
      ))}
      <NetworkField {...field} />
      <BandsField {...field} />
      <StretchField {...field} />
      <ImageFacts preflight={preflight} />
    </>
  );
}

/** What was found, and the button that does something about it. */
function FixableFinding({ finding, settings, change }: FieldProps & { finding: Finding }) {
  const { severity, code, message, job } = finding;
  const fixed = fixedSettings(settings, finding);
  return (
    <FindingCard severity={severity} code={code} text={message}>
      {fixed && <Button onClick={() => change(fixed)}>{fixText(job?.parameters ?? {})}</Button>}
    </FindingCard>
  );
}

function fixText({ bands, stretch }: Record<string, unknown>): string {
  if (Array.isArray(bands)) return texts.useBands(bands.join(', '));
  if (stretch === 'percentile') return texts.stretchContrast;
  return stretch ? texts.useValues : texts.apply;
}

function NetworkField({ preflight, settings, change }: FieldProps) {
  const { models } = useApp().state;
  const own = preflight.model;
  const id = settings.model ?? own?.id;
  const judged = preflight.models.find((model) => model.id === id);
  const network = models.value.find((model) => model.id === id);
  const choose = (chosen: string) => change({ model: chosen === own?.id ? null : chosen });
  return (
    <Field label={texts.network} id="preflight-model">
      <Select id="preflight-model" value={id} onChoose={choose}>
        {preflight.models.map(({ id, suitable }) => {
          const name = models.value.find((each) => each.id === id)?.name ?? id;
          return (
            <option key={id} value={id}>
              {suitable ? name : texts.unsuitable(name)}
            </option>
          );
        })}
      </Select>
      <p class="quiet">
        {texts.suits(
          (id === own?.id ? own?.reason : judged?.reason) ?? '',
          (network?.classes ?? []).map(({ name }) => name).filter((name) => name !== 'other'),
          network?.gsd_m ? gsd(network.gsd_m) : '',
        )}
      </p>
      <p class="quiet">
        {judged && texts.cost(judged.chips, aboutMinutes(judged.minutes), bytes(judged.memory_bytes))}
      </p>
    </Field>
  );
}

/** Three choices, each over the values of its band. */
function BandsField({ preflight, settings, change }: FieldProps) {
  const own = preflight.rendering.bands;
  const bands = settings.bands ?? own;
  const choose = (at: number, number: number) => {
    const chosen = bands.map((band, i) => (i === at ? number : band));
    change({ bands: chosen.every((band, i) => band === own[i]) ? null : chosen });
  };
  return (
    <fieldset class="field">
      <legend>{texts.bands}</legend>
      <div class="bands">
        {COLOURS.map((colour, at) => (
          <div key={colour} class="band" data-colour={colour}>
            <label for={`preflight-${colour}`}>{texts.colours[colour]}</label>
            <Select
              id={`preflight-${colour}`}
              value={bands[at]}
              disabled={preflight.band_values.length < 2}
              onChoose={(chosen) => choose(at, Number(chosen))}
            >
              {preflight.band_values.map(({ number, name }) => (
                <option key={number} value={number}>
                  {name ? `${number} · ${name}` : texts.band(number)}
                </option>
              ))}
            </Select>
            <Histogram values={preflight.band_values[bands[at] - 1]} />
          </div>
        ))}
      </div>
    </fieldset>
  );
}

const BAR = 4;
const HEIGHT = 34;

function Histogram({ values }: { values: BandValues | undefined }) {
  const { min, max, histogram } = values ?? { min: null, max: null, histogram: [] };
  if (min === null || max === null) return <p class="quiet">{texts.noValues}</p>;
  // Square roots, so that one full step does not flatten all others.
  const heights = histogram.map(Math.sqrt);
  const most = Math.max(1, ...heights);
  const bar = (height: number, i: number) => {
    const tall = (height / most) * HEIGHT;
    return <rect key={i} x={i * BAR} y={HEIGHT - tall} width={BAR - 0.6} height={tall} />;
  };
  return (
    <div class="histogram">
      <svg
        viewBox={`0 0 ${heights.length * BAR} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={texts.values(figure(min), figure(max))}
      >
        {heights.map(bar)}
      </svg>
      <span class="band-range">
        <span>{figure(min)}</span>
        <span>{figure(max)}</span>
      </span>
    </div>
  );
}

function StretchField({ preflight, settings: { stretch }, change }: FieldProps) {
  const own = typeof stretch === 'object' && stretch !== null;
  const [black, white] = own ? [stretch.low[0], stretch.high[0]] : usualRange(preflight);
  const set = (low: number, high: number) => {
    if (Number.isFinite(low) && Number.isFinite(high) && low !== high) change({ stretch: stretchBetween(low, high) });
  };
  const choose = (chosen: string) => {
    if (chosen === 'own') set(black, white);
    else change({ stretch: chosen === 'percentile' || chosen === 'none' ? chosen : null });
  };
  return (
    <Field label={texts.stretch} id="preflight-stretch">
      <Select id="preflight-stretch" value={own ? 'own' : (stretch ?? '')} onChoose={choose}>
        <option value="">{preflight.rendering.ranges ? texts.stretchAuto : texts.stretchUnchanged}</option>
        <option value="percentile">{texts.stretchPercentile}</option>
        <option value="none">{texts.stretchFull(preflight.dtype)}</option>
        <option value="own">{texts.stretchCustom}</option>
      </Select>
      {own && (
        <div class="range-ends">
          <NumberInput id="preflight-low" label={texts.black} value={black} onSet={(value) => set(value, white)} />
          <span class="quiet">{texts.blackToWhite}</span>
          <NumberInput id="preflight-high" label={texts.white} value={white} onSet={(value) => set(black, value)} />
        </div>
      )}
    </Field>
  );
}

/** From the lowest 2nd to the highest 98th percentile of the bands in use. */
function usualRange({ band_values, rendering }: PreflightJson): [number, number] {
  const used = rendering.bands.flatMap((band) => band_values[band - 1]?.percentiles ?? []);
  const [low, high] = [Math.min(...used), Math.max(...used)];
  return Number.isFinite(low) && high > low ? [low, high] : [0, 255];
}

function ImageFacts({ preflight }: { preflight: PreflightJson }) {
  const { dtype, bands, nodata, valid_share, content, rendering } = preflight;
  const ranges = rendering.ranges?.map(([low, high]) => texts.range(figure(low), figure(high)));
  const share = percent(valid_share);
  return (
    <Facts
      facts={[
        [texts.content, texts.contents[content.kind]],
        [texts.bands, texts.bandsOf(bands, dtype)],
        [texts.scaled, ranges ? [...new Set(ranges)].join('; ') : texts.unscaled],
        [texts.imagery, nodata === null ? texts.ofPixels(share) : texts.ofPixelsNodata(share, nodata)],
      ]}
    />
  );
}

function Field({ label, id, children }: { label: string; id: string; children: ComponentChildren }) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
    </div>
  );
}

function Select(props: {
  id: string;
  value: string | number | undefined;
  disabled?: boolean;
  onChoose: (value: string) => void;
  children: ComponentChildren;
}) {
  const { onChoose, ...attributes } = props;
  return <select class="select" {...attributes} onChange={({ currentTarget }) => onChoose(currentTarget.value)} />;
}

/** Tells of a number once it has been typed. */
function NumberInput(props: { id: string; label: string; value: number; onSet: (value: number) => void }) {
  const { id, label, value, onSet } = props;
  return (
    <input
      id={id}
      class="number"
      type="number"
      step="any"
      value={value}
      aria-label={label}
      onChange={({ currentTarget }) => onSet(currentTarget.valueAsNumber)}
    />
  );
}
