/** What the map says of its place: computed when it is opened. */
import { useSignal } from '@preact/signals';
import { t } from '../../messages/index.ts';
import { messageOf, summarizeJob } from '../../service/api.ts';
import { BASE } from '../../service/connection.ts';
import type { SummaryJson, SummaryTable } from '../../service/types.ts';
import { Disclosure, Facts } from '../parts.tsx';
import { reasonText, sentences, widthFacts } from './summary-text.ts';

const texts = t.summary;
const LANDMARKS_SHOWN = 6;

/** @param id of a job that is done; of another one, another element */
export function PlaceSummary({ id }: { id: string }) {
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
        {summary.value && <Content summary={summary.value} />}
      </div>
    </Disclosure>
  );
}

function Content({ summary }: { summary: SummaryJson }) {
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
      <ul class="notes">
        {landmarks.slice(0, LANDMARKS_SHOWN).map((landmark) => (
          <li key={landmark.id}>{reasonText(landmark)}</li>
        ))}
      </ul>
      <h3>{texts.rows}</h3>
      <ul class="table-links">
        {(Object.keys(texts.tables) as SummaryTable[]).map((table) => (
          <li key={table}>
            <span>{texts.tables[table]}</span>
            <TableLink job={summary.job} table={table} format="csv" title="CSV" />
            <TableLink job={summary.job} table={table} format="geojson" title="GeoJSON" />
          </li>
        ))}
      </ul>
    </>
  );
}

interface TableLinkProps {
  job: string;
  table: SummaryTable;
  format: string;
  title: string;
}

function TableLink({ job, table, format, title }: TableLinkProps) {
  const file = `${table}.${format}`;
  return (
    <a href={`${BASE}/jobs/${job}/summary/${file}`} download={file} aria-label={`${texts.tables[table]}, ${title}`}>
      {title}
    </a>
  );
}
