/** All formats of everything or of one collection, as it is chosen above them. */
import { useSignal } from '@preact/signals';
import { useApp } from '../../app.ts';
import { cql2Of } from '../../filter.ts';
import { count, titleOf } from '../../format.ts';
import { Icon } from '../../icons.tsx';
import { t } from '../../messages/index.ts';
import { BASE } from '../../service/connection.ts';
import { filterText } from '../filter-note.tsx';
import './report.css';
import type { JobJson } from '../../service/types.ts';

const texts = t.download;

/** Endings of the service's exports, and what they are called. */
const FORMATS = [
  ['gpkg', 'GeoPackage'],
  ['geojson', 'GeoJSON'],
  ['fgb', 'FlatGeobuf'],
  ['parquet', 'GeoParquet'],
  ['pmtiles', 'PMTiles'],
  ['shp.zip', texts.shapefiles],
  ['csv', 'CSV'],
] as const;

/** Formats of one layer: of everything they hold what covers the ground once. */
const ONE_LAYER: readonly string[] = ['geojson', 'fgb', 'parquet', 'csv'];

export function Downloads({ job }: { job: JobJson }) {
  const { detects, ranges } = useApp().state;
  const collection = useSignal('');
  const filtered = useSignal(true);
  const filter = filtered.value ? cql2Of(ranges.value) : null;
  const asked = { ...(collection.value && { collection: collection.value }), ...(filter && { filter }) };
  const query = Object.keys(asked).length > 0 ? `?${new URLSearchParams(asked)}` : '';
  return (
    <ul class="downloads">
      <li class="download-choice">
        <select
          class="select"
          aria-label={texts.choice}
          onChange={({ currentTarget }) => (collection.value = currentTarget.value)}
        >
          <option value="">{texts.everything}</option>
          {job.collections.map(({ id, count: features }) => (
            <option key={id} value={id}>
              {texts.collection(titleOf(id), count(features))}
            </option>
          ))}
        </select>
      </li>
      {cql2Of(ranges.value) !== null && (
        <li>
          <label class="view-row" for="filtered">
            <span>{texts.filtered}</span>
            <input
              type="checkbox"
              role="switch"
              class="switch"
              id="filtered"
              aria-checked={filtered.value}
              checked={filtered}
              onChange={({ currentTarget }) => (filtered.value = currentTarget.checked)}
            />
          </label>
          <p class="quiet">{filterText(ranges.value)}</p>
        </li>
      )}
      {FORMATS.filter(([ending]) => !filter || ending !== 'pmtiles').map(([ending, title]) => (
        <Download
          key={ending}
          title={title}
          note={collection.value || detects.value || !ONE_LAYER.includes(ending) ? texts.notes[ending] : texts.coverage}
          path={`/jobs/${job.id}/export.${ending}${query}`}
          file={`${collection.value || 'map'}.${ending}`}
        />
      ))}
      {!detects.value && (
        <>
          <Download title={texts.classMap} note="GeoTIFF" path={`/jobs/${job.id}/classes.tif`} file="classes.tif" />
          <Download title={texts.scoreMap} note="GeoTIFF" path={`/jobs/${job.id}/scores.tif`} file="scores.tif" />
          {job.parameters.probabilities && (
            <Download
              title={texts.probabilities}
              note="GeoTIFF"
              path={`/jobs/${job.id}/probabilities.tif`}
              file="probabilities.tif"
            />
          )}
          {job.parameters.features && (
            <Download title={texts.features} note="GeoTIFF" path={`/jobs/${job.id}/features.tif`} file="features.tif" />
          )}
        </>
      )}
    </ul>
  );
}

function Download({ title, note, path, file }: { title: string; note: string; path: string; file: string }) {
  return (
    <li>
      <a class="download" href={BASE + path} download={file}>
        <Icon name="download" size={18} />
        <span class="download-title">{title}</span>
        <span class="quiet">{note}</span>
      </a>
    </li>
  );
}
