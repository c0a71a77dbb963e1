/** What the map says of its place: computed when it is opened. */
import { useSignal } from '@preact/signals';
import { Icon } from '../../icons.tsx';
import type { Box } from '../../map/map-view.ts';
import { t } from '../../messages/index.ts';
import { messageOf, summarizeJob } from '../../service/api.ts';
import { BASE } from '../../service/connection.ts';
import type { SummaryJson, SummaryTable } from '../../service/types.ts';
import { Disclosure, Facts } from '../parts.tsx';
import { boxAround, reasonText, sentences, widthFacts } from './summary-text.ts';

const texts = t.summary;
const FORMATS = [
  ['csv', 'CSV'],
  ['geojson', 'GeoJSON'],
] as const;
const LANDMARKS_SHOWN = 6;

interface PlaceSummaryProps {
  /** Of a job that is done; of another one, another element. */
  id: string;
  /** Shows a part of the map. */
  zoomTo: (box: Box) => void;
}

export function PlaceSummary({ id, zoomTo }: PlaceSummaryProps) {
  const summary = useSignal<SummaryJson | null>(null);
  const status = useSignal('');
  const load = async (open: boolean) => {
    if (!open || summary.value || status.value === texts.computing) return;
    status.value = texts.computing;
    status.value = await summarizeJob(id).then(
      (found) => {
        summary.value = found;
        return '';
      },
      (error) => messageOf(error).detail,
    );
  };
  return (
    <Disclosure title={texts.title} data-testid="place-summary" onToggle={load}>
      <div class="disclosed">
        <p class="quiet" role="status" hidden={!status.value}>
          {status}
        </p>
        {summary.value && <Content summary={summary.value} zoomTo={zoomTo} />}
      </div>
    </Disclosure>
  );
}

function Content({ summary, zoomTo }: { summary: SummaryJson; zoomTo: (box: Box) => void }) {
  const { landmarks, roads } = summary;
  return (
    <>
      <ul class="told">
        {sentences(summary).map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      {roads.by_width.length > 0 && <h3>{texts.widths}</h3>}
      <Facts facts={widthFacts(summary)} />
      {landmarks.length > 0 && <h3>{texts.landmarks}</h3>}
      <ul class="landmarks">
        {landmarks.slice(0, LANDMARKS_SHOWN).map((landmark) => (
          <li key={landmark.id}>
            <button type="button" class="landmark" onClick={() => zoomTo(boxAround(landmark))}>
              <Icon name="frame" size={18} />
              {reasonText(landmark)}
            </button>
          </li>
        ))}
      </ul>
      <h3>{texts.rows}</h3>
      <ul class="table-links">
        {(Object.keys(texts.tables) as SummaryTable[]).map((table) => (
          <li key={table}>
            <span>{texts.tables[table]}</span>
            {FORMATS.map(([ending, title]) => (
              <TableLink key={ending} job={summary.job} table={table} ending={ending} title={title} />
            ))}
          </li>
        ))}
      </ul>
    </>
  );
}

interface TableLinkProps {
  job: string;
  table: SummaryTable;
  ending: string;
  title: string;
}

function TableLink({ job, table, ending, title }: TableLinkProps) {
  const file = `${table}.${ending}`;
  return (
    <a href={`${BASE}/jobs/${job}/summary/${file}`} download={file} aria-label={`${texts.tables[table]}, ${title}`}>
      {title}
    </a>
  );
}
