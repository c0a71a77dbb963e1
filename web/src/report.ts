/** What a job says of itself, and what can be downloaded of it. */
import type { JobJson, JobReport, Ledger, ModelJson, SceneJson, Stage } from '../../server/http/types.ts';
import { getItems } from './api.ts';
import { h, icon, replace } from './dom.ts';
import { bytes, count, duration, gsd, percent, plural, titleOf } from './format.ts';
import { currentModel, currentScene, type State } from './state.ts';

/** The most features the service gives in one answer. */
const PAGE_FEATURES = 10_000;
const STAGES: readonly Stage[] = ['ingest', 'plan', 'infer', 'stitch', 'vectorize', 'store'];

export function createReport(onTrouble: (error: unknown) => void): {
  element: HTMLElement;
  render(state: State): void;
} {
  const details = h('div', { class: 'disclosed' });
  const downloads = h('ul', { class: 'downloads' });
  const element = h(
    'div',
    { class: 'report', hidden: true },
    h('details', { class: 'disclosure' }, h('summary', {}, 'Download', icon('chevron', 18)), downloads),
    h('details', { class: 'disclosure' }, h('summary', {}, 'Report', icon('chevron', 18)), details),
  );
  let shown: JobJson | null = null;
  return {
    element,
    render(state) {
      const job = state.job?.state === 'done' && state.job.report ? state.job : null;
      element.hidden = !job;
      if (job === shown) return;
      shown = job;
      const scene = currentScene(state);
      if (!job?.report || !scene) return;
      replace(details, ...reportContent(job, job.report, scene, currentModel(state)));
      replace(downloads, ...downloadRows(job, job.report, onTrouble));
    },
  };
}

function reportContent(job: JobJson, report: JobReport, scene: SceneJson, model: ModelJson | undefined): HTMLElement[] {
  const { seam, ledger, timings_ms: timings } = report;
  const took = job.started_at && job.finished_at ? Date.parse(job.finished_at) - Date.parse(job.started_at) : null;
  const certified = seam.certified
    ? `Exact: chips with a halo of ${seam.halo} px equal one whole pass`
    : `Not certified: halo ${seam.halo} px, ${percent(seam.disagreement)} of seam pixels disagree`;
  const facts: [string, string | null][] = [
    ['Network', model?.name ?? job.model],
    ['Network GSD', model?.gsd_m ? gsd(model.gsd_m) : null],
    ['Image GSD', scene.gsd_m ? gsd(scene.gsd_m) : null],
    [
      'Image',
      scene.width && scene.height ? `${count(scene.width)} × ${count(scene.height)} px, ${scene.bands} bands` : null,
    ],
    ['Reference system', scene.srs],
    ['Stitching', certified],
    ['Time taken', took === null ? null : duration(took)],
    ['Peak memory', report.peak_rss_bytes ? bytes(report.peak_rss_bytes) : null],
    ['Job', job.id],
  ];
  const notes = [
    ...scene.findings.map(({ message, fix }) => (fix ? `${message} ${fix}` : message)),
    ...report.assumptions.map(({ code, value, reason }) => `${code.replaceAll('_', ' ')}: ${asText(value)}. ${reason}`),
  ];
  return [
    factList(facts),
    h('h3', {}, 'Pixels accounted for'),
    factList(ledgerFacts(ledger)),
    h('h3', {}, 'Time by stage'),
    factList(STAGES.filter((stage) => timings[stage] !== undefined).map((stage) => [stage, duration(timings[stage])])),
    ...(notes.length
      ? [h('h3', {}, 'Understood and assumed'), h('ul', { class: 'notes' }, ...notes.map((note) => h('li', {}, note)))]
      : []),
  ];
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

function ledgerFacts(ledger: Ledger): [string, string][] {
  const total = Object.values(ledger).reduce((sum, pixels) => sum + pixels, 0);
  return (['done', 'nodata', 'outside', 'failed', 'pending'] as const)
    .filter((state) => state === 'done' || ledger[state] > 0)
    .map((state) => [state, `${count(ledger[state])} (${percent(ledger[state] / Math.max(1, total))})`]);
}

function factList(facts: readonly (readonly [string, string | null])[]): HTMLElement {
  const known = facts.filter(([, value]) => value !== null);
  return h('dl', { class: 'facts' }, ...known.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}

function downloadRows(job: JobJson, report: JobReport, onTrouble: (error: unknown) => void): HTMLElement[] {
  const collections = Object.entries(report.counts)
    .filter(([, features]) => features > 0)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([id, features]) => {
      const address = `/collections/${id}/items?job=${job.id}&limit=${PAGE_FEATURES}`;
      const note = `GeoJSON · ${plural(features, 'feature')}`;
      const title = titleOf(id);
      const file = `${id}.geojson`;
      if (features <= PAGE_FEATURES) return downloadLink(title, note, address, file);
      return downloadButton(title, note, () => saveAllPages(address, file).catch(onTrouble));
    });
  return [
    ...collections,
    downloadLink('Class map', 'GeoTIFF', `/jobs/${job.id}/classes.tif`, 'classes.tif'),
    downloadLink('Score map', 'GeoTIFF', `/jobs/${job.id}/scores.tif`, 'scores.tif'),
  ];
}

const downloadText = (title: string, note: string) => [
  icon('download', 18),
  h('span', { class: 'download-title' }, title),
  h('span', { class: 'quiet' }, note),
];

const downloadLink = (title: string, note: string, href: string, file: string): HTMLElement =>
  h('li', {}, h('a', { class: 'download', href, download: file }, ...downloadText(title, note)));

function downloadButton(title: string, note: string, save: () => Promise<void>): HTMLElement {
  const button = h('button', { type: 'button', class: 'download' }, ...downloadText(title, note));
  button.addEventListener('click', () => {
    button.disabled = true;
    void save().finally(() => {
      button.disabled = false;
    });
  });
  return h('li', {}, button);
}

/** Fetches page after page, so that a collection larger than one answer is still saved whole. */
async function saveAllPages(address: string, file: string): Promise<void> {
  const parts: string[] = [];
  let next: string | undefined = address;
  while (next) {
    const { features, links } = await getItems(next);
    for (const feature of features) parts.push(`${parts.length ? ',\n' : ''}${JSON.stringify(feature)}`);
    next = links.find(({ rel }) => rel === 'next')?.href;
  }
  const blob = new Blob(['{"type":"FeatureCollection","features":[\n', ...parts, '\n]}'], {
    type: 'application/geo+json',
  });
  const url = URL.createObjectURL(blob);
  h('a', { href: url, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
