/** What a job says of itself, as names and values. */
import { bytes, count, duration, gsd, percent } from '../../format.ts';
import { t } from '../../messages/index.ts';
import type { JobJson, JobReport, ModelJson, ProofJson, SceneJson, Stage } from '../../service/types.ts';

export type Fact = readonly [name: string, value: string];

const texts = t.report;
const STAGES: readonly Stage[] = ['ingest', 'plan', 'infer', 'stitch', 'vectorize', 'store'];
/** Failed chips that are listed by themselves, at most. */
const FAILURES_SHOWN = 5;

export function jobFacts(job: JobJson, report: JobReport, scene: SceneJson, model: ModelJson | undefined): Fact[] {
  const { width, height, bands, gsd_m, srs, attribution, license } = scene;
  const took = job.started_at && job.finished_at ? Date.parse(job.finished_at) - Date.parse(job.started_at) : null;
  const facts: (readonly [string, string | null])[] = [
    [texts.network, model?.name ?? job.model],
    [texts.networkGsd, model?.gsd_m ? gsd(model.gsd_m) : null],
    [texts.unseen, scoresText(model)],
    [texts.imageGsd, gsd_m ? gsd(gsd_m) : null],
    [texts.image, width && height ? texts.imageSize(count(width), count(height), bands ?? 0) : null],
    [texts.attribution, attribution],
    [texts.licence, license],
    [texts.crs, srs],
    [texts.stitching, stitchingText(report, model)],
    [texts.device, deviceText(report)],
    [texts.duration, took === null ? null : duration(took)],
    [texts.memory, report.peak_rss_bytes ? bytes(report.peak_rss_bytes) : null],
    [texts.job, job.id],
  ];
  return facts.filter((fact): fact is Fact => fact[1] !== null);
}

function stitchingText({ seam }: JobReport, model: ModelJson | undefined): string {
  if (seam.certified) return texts.exact(seam.halo);
  const share = percent(seam.disagreement);
  return model?.task === 'detection' ? texts.detectedOnce(share) : texts.notCertified(seam.halo, share);
}

/** How right a network is at places that it was not trained on: from the worst of them to the best, by class. */
function scoresText(model: ModelJson | undefined): string | null {
  const places = Object.values(model?.scores_by_place ?? {});
  const ranges = (model?.classes ?? []).flatMap(({ name }) => {
    const found = places.flatMap((scores) => scores[name] ?? []);
    return found.length > 0 ? [texts.iouRange(name, Math.min(...found), Math.max(...found))] : [];
  });
  return ranges.length > 0 ? ranges.join(', ') : null;
}

/** Where the network ran. */
function deviceText({ device }: JobReport): string | null {
  if (!device) return null;
  return device.fallback_nodes > 0 ? texts.deviceFallback(device.name, device.fallback_nodes) : device.name;
}

export function ledgerFacts({ ledger }: JobReport): Fact[] {
  const total = Object.values(ledger).reduce((sum, pixels) => sum + pixels, 0);
  return (['done', 'nodata', 'outside', 'failed', 'pending'] as const)
    .filter((state) => state === 'done' || ledger[state] > 0)
    .map((state) => [texts.pixels[state], `${count(ledger[state])} (${percent(ledger[state] / Math.max(1, total))})`]);
}

export const stageFacts = ({ timings_ms: timings }: JobReport): Fact[] =>
  STAGES.filter((stage) => timings[stage] !== undefined).map((stage) => [
    texts.stages[stage],
    duration(timings[stage]),
  ]);

/** Which chips failed, and why. */
export function failureNotes({ chips }: JobReport): string[] {
  const failed = chips?.failed ?? [];
  const rest = failed.length - FAILURES_SHOWN;
  const notes = failed
    .slice(0, FAILURES_SHOWN)
    .map(({ x, y, width, height, reason }) => texts.failedChip(width, height, x, y, reason));
  return rest > 0 ? [...notes, texts.moreChips(rest)] : notes;
}

/** What was found in the image, and what was assumed of it. */
export const assumptionNotes = ({ assumptions }: JobReport, { findings }: SceneJson): string[] => [
  ...findings.map(({ code, message, fix }) => t.findings[code] ?? (fix ? `${message} ${fix}` : message)),
  ...assumptions.map(({ code, value, reason }) => {
    const [ourName, ourReason] = t.assumptions[code] ?? [];
    return texts.assumption(ourName ?? words(code), asText(value), ourReason ?? reason);
  }),
];

/** Values of assumptions as people read them: lists with commas, members of objects with their names. */
function asText(value: unknown): string {
  if (Array.isArray(value)) return value.map(asText).join(', ');
  if (typeof value === 'number') return String(Number(value.toPrecision(6)));
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([name, member]) => `${words(name)} ${asText(member)}`)
    .join(', ');
}

const words = (identifier: string): string => identifier.replaceAll('_', ' ');

/** What came of computing parts of the map once more. */
export const verifiedText = ({ windows, pixels, differing, max_score_delta }: ProofJson): string =>
  texts.verified(windows, differing, count(pixels)) + (differing > 0 ? texts.scoresBy(max_score_delta) : '');
