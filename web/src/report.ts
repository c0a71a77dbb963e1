/** What a job says of itself, and what can be downloaded of it. */
import type { JobJson, JobReport, Ledger, ModelJson, ProofJson, SceneJson, Stage } from '../../server/api/index.ts';
import { BASE, proveJob, troubleOf } from './api.ts';
import { h, icon, replace } from './dom.ts';
import { bytes, count, duration, gsd, percent, plural, titleOf } from './format.ts';
import { createRights } from './rights.ts';
import { createShare } from './share.ts';
import { currentModel, currentScene, type State, type Store } from './state.ts';

const STAGES: readonly Stage[] = ['ingest', 'plan', 'infer', 'stitch', 'vectorize', 'store'];

export function createReport(store: Store): {
  element: HTMLElement;
  render(state: State): void;
} {
  const details = h('div', { class: 'disclosed' });
  const downloads = h('ul', { class: 'downloads' });
  const share = createShare();
  const rights = createRights(store);
  const element = h(
    'div',
    { class: 'report', hidden: true },
    h('details', { class: 'disclosure' }, h('summary', {}, 'Download', icon('chevron', 18)), downloads),
    share.element,
    rights.element,
    h('details', { class: 'disclosure' }, h('summary', {}, 'Report', icon('chevron', 18)), details),
  );
  // Far down in the panel, what was opened would not be seen.
  element.addEventListener('toggle', showOpened, true);
  let shown: JobJson | null = null;
  let source: SceneJson | undefined;
  return {
    element,
    render(state) {
      const job = state.job?.state === 'done' && state.job.report ? state.job : null;
      element.hidden = !job;
      share.render(state);
      rights.render(state);
      const scene = currentScene(state);
      if (job === shown && scene === source) return;
      shown = job;
      source = scene;
      if (!job?.report || !scene) return;
      replace(details, ...reportContent(job, job.report, scene, currentModel(state)));
      replace(downloads, ...downloadRows(job, job.report, currentModel(state)));
    },
  };
}

function showOpened({ target }: Event): void {
  if (!(target instanceof HTMLDetailsElement) || !target.open) return;
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  target.scrollIntoView({ block: 'nearest', behavior: calm ? 'auto' : 'smooth' });
}

function reportContent(job: JobJson, report: JobReport, scene: SceneJson, model: ModelJson | undefined): HTMLElement[] {
  const { seam, ledger, timings_ms: timings } = report;
  const took = job.started_at && job.finished_at ? Date.parse(job.finished_at) - Date.parse(job.started_at) : null;
  const certified = seam.certified
    ? `Exact: chips with a halo of ${seam.halo} px equal one whole pass`
    : model?.task === 'detection'
      ? `${percent(seam.disagreement)} of the objects in sight of two chips were found by only one`
      : `Not certified: halo ${seam.halo} px, ${percent(seam.disagreement)} of seam pixels disagree`;
  const facts: [string, string | null][] = [
    ['Network', model?.name ?? job.model],
    ['Network GSD', model?.gsd_m ? gsd(model.gsd_m) : null],
    ['Image GSD', scene.gsd_m ? gsd(scene.gsd_m) : null],
    [
      'Image',
      scene.width && scene.height ? `${count(scene.width)} × ${count(scene.height)} px, ${scene.bands} bands` : null,
    ],
    ['Image by', scene.attribution],
    ['Image licence', scene.license],
    ['Reference system', scene.srs],
    ['Stitching', certified],
    ['Device', deviceText(report)],
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
    ...(model?.task === 'detection' ? [] : [proof(job)]),
    h('h3', {}, 'Pixels accounted for'),
    factList(ledgerFacts(ledger)),
    ...failures(report),
    h('h3', {}, 'Time by stage'),
    factList(STAGES.filter((stage) => timings[stage] !== undefined).map((stage) => [stage, duration(timings[stage])])),
    ...(notes.length
      ? [h('h3', {}, 'Understood and assumed'), h('ul', { class: 'notes' }, ...notes.map((note) => h('li', {}, note)))]
      : []),
  ];
}

/** Where the network ran. */
const deviceText = ({ device }: JobReport): string | null =>
  device
    ? `${device.name}${device.fallback_nodes > 0 ? `, ${plural(device.fallback_nodes, 'node')} of the network elsewhere` : ''}`
    : null;

/** The button that has the service compute parts of the map once more, and what came of it. */
function proof({ id }: JobJson): HTMLElement {
  const answer = h('p', { class: 'quiet', role: 'status' });
  const button = h('button', { type: 'button', class: 'button', 'data-testid': 'prove' }, 'Prove the stitching');
  button.addEventListener('click', async () => {
    button.disabled = true;
    answer.textContent = 'Computing random windows in one pass each…';
    answer.textContent = await proveJob(id).then(proofText, (error) => troubleOf(error).detail);
    button.disabled = false;
  });
  return h('div', { class: 'proof edits' }, button, answer);
}

const proofText = ({ windows, pixels, differing, max_score_delta }: ProofJson): string =>
  `${plural(windows, 'window')}, ${plural(differing, 'pixel')} of ${count(pixels)} ${differing === 1 ? 'differs' : 'differ'}` +
  (differing > 0 ? ` (scores by ${max_score_delta} of 255 at most)` : '');

/** Values of assumptions as people read them: lists with commas, members of objects with their names. */
function asText(value: unknown): string {
  if (Array.isArray(value)) return value.map(asText).join(', ');
  if (typeof value === 'number') return String(Number(value.toPrecision(6)));
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([name, member]) => `${name.replaceAll('_', ' ')} ${asText(member)}`)
    .join(', ');
}

function ledgerFacts(ledger: Ledger): [string, string][] {
  const total = Object.values(ledger).reduce((sum, pixels) => sum + pixels, 0);
  return (['done', 'nodata', 'outside', 'failed', 'pending'] as const)
    .filter((state) => state === 'done' || ledger[state] > 0)
    .map((state) => [state, `${count(ledger[state])} (${percent(ledger[state] / Math.max(1, total))})`]);
}

/** Listed by themselves, at most. */
const FAILURES_SHOWN = 5;

function failures({ chips }: JobReport): HTMLElement[] {
  const failed = chips?.failed ?? [];
  if (failed.length === 0) return [];
  const rest = failed.length - FAILURES_SHOWN;
  const notes = failed
    .slice(0, FAILURES_SHOWN)
    .map(({ x, y, width, height, reason }) => `${width} × ${height} px at ${x}, ${y}: ${reason}`);
  if (rest > 0) notes.push(`and ${plural(rest, 'other chip')}`);
  return [h('h3', {}, 'Not computed'), h('ul', { class: 'notes' }, ...notes.map((note) => h('li', {}, note)))];
}

function factList(facts: readonly (readonly [string, string | null])[]): HTMLElement {
  const known = facts.filter(([, value]) => value !== null);
  return h('dl', { class: 'facts' }, ...known.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}

/** Endings of the service's exports, and what people call them. */
const FORMATS: readonly (readonly [ending: string, title: string, note: string])[] = [
  ['gpkg', 'GeoPackage', 'QGIS, ArcGIS'],
  ['geojson', 'GeoJSON', 'web maps'],
  ['fgb', 'FlatGeobuf', 'with an index'],
  ['parquet', 'GeoParquet', 'GeoPandas, DuckDB'],
  ['pmtiles', 'PMTiles', 'vector tiles'],
  ['shp.zip', 'Shapefiles', 'in a zip'],
  ['csv', 'CSV', 'with WKT'],
];

/** All formats of everything or of one collection, as it is chosen above them. */
function downloadRows(job: JobJson, report: JobReport, model: ModelJson | undefined): HTMLElement[] {
  const select = h(
    'select',
    { class: 'select', 'aria-label': 'What to download' },
    h('option', { value: '' }, 'Everything'),
    ...Object.entries(report.counts)
      .filter(([, features]) => features > 0)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([id, features]) => h('option', { value: id }, `${titleOf(id)} (${count(features)})`)),
  );
  const rows = FORMATS.map(([ending, title, note]) => {
    const link = h('a', { class: 'download' }, ...downloadText(title, note));
    const update = () => {
      const query = select.value ? `?collection=${encodeURIComponent(select.value)}` : '';
      link.href = `${BASE}/jobs/${job.id}/export.${ending}${query}`;
      link.download = `${select.value || 'map'}.${ending}`;
    };
    select.addEventListener('change', update);
    update();
    return h('li', {}, link);
  });
  const maps = [
    downloadLink('Class map', 'GeoTIFF', `${BASE}/jobs/${job.id}/classes.tif`, 'classes.tif'),
    downloadLink('Score map', 'GeoTIFF', `${BASE}/jobs/${job.id}/scores.tif`, 'scores.tif'),
  ];
  return [h('li', { class: 'download-choice' }, select), ...rows, ...(model?.task === 'detection' ? [] : maps)];
}

const downloadText = (title: string, note: string) => [
  icon('download', 18),
  h('span', { class: 'download-title' }, title),
  h('span', { class: 'quiet' }, note),
];

const downloadLink = (title: string, note: string, href: string, file: string): HTMLElement =>
  h('li', {}, h('a', { class: 'download', href, download: file }, ...downloadText(title, note)));
