/** What is known at a point: its coordinates in degrees, MGRS and the scene's system, class, score and band values. */
import { useSignal, useSignalEffect } from '@preact/signals';
import type { Map as MapLibreMap } from 'maplibre-gl';
import { forward } from 'mgrs';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.ts';
import { coordinate, count, figure, percent, sexagesimal, titleOf } from '../format.ts';
import { t } from '../messages/index.ts';
import { Button, Facts } from '../panel/parts.tsx';
import type { Fact } from '../panel/result/report-facts.ts';
import { getPoint, messageOf } from '../service/api.ts';
import type { PointJson } from '../service/types.ts';
import type { Position } from '../state.ts';
import { toTool } from '../tool-in-hand.ts';
import { ToolCard } from './tool-card.tsx';

const texts = t.tools;
/** MGRS has no squares beyond. */
const [SOUTHERNMOST, NORTHERNMOST] = [-80, 84];

export function PointReadout({ map }: { map: MapLibreMap }) {
  const { state } = useApp();
  const { point, scene, doneJob } = state;
  const read = useSignal<PointJson | null>(null);
  const status = useSignal('');
  useEffect(() => map.getCanvas().focus({ preventScroll: true }), [map]);
  useSignalEffect(() => {
    const at = point.value;
    const of = scene.value;
    const job = doneJob.value?.scene === of?.id ? (doneJob.value?.id ?? null) : null;
    read.value = null;
    status.value = '';
    if (!at || of?.state !== 'ready') return;
    let left = false;
    status.value = texts.reading;
    getPoint(of.id, at, job).then(
      (found) => {
        if (left) return;
        read.value = found;
        status.value = found.pixel ? '' : texts.beyond;
      },
      (error) => {
        if (!left) status.value = messageOf(error).detail;
      },
    );
    return () => {
      left = true;
    };
  });
  const at = point.value;
  const facts = at ? [...placeFacts(at), ...(read.value ? sceneFacts(read.value) : [])] : [];
  return (
    <ToolCard title={texts.point} data-testid="point">
      <div aria-live="polite">
        {at ? <Facts facts={facts} /> : <p class="quiet">{texts.pointHelp}</p>}
        <p class="quiet tool-status" hidden={!status.value}>
          {status}
        </p>
      </div>
      <div class="actions">
        <Button data-testid="point-middle" onClick={() => void toTool(state, map.getCenter())}>
          {texts.pointMiddle}
        </Button>
        {at && <CopyButton facts={facts} />}
      </div>
    </ToolCard>
  );
}

function CopyButton({ facts }: { facts: readonly Fact[] }) {
  const said = useSignal<string>(texts.copy);
  const copy = async () => {
    const text = facts.map(([name, value]) => `${name}\t${value.replaceAll('\u2009', ' ')}`).join('\n');
    // Pages that came over plain HTTP from elsewhere may not write to the clipboard.
    said.value = await Promise.resolve(navigator.clipboard?.writeText(text) ?? Promise.reject(new Error())).then(
      () => texts.copied,
      () => texts.copyFailed,
    );
  };
  return (
    <Button onClick={copy}>
      <span role="status">{said}</span>
    </Button>
  );
}

function placeFacts([lon, lat]: Position): Fact[] {
  const { north, south, east, west } = t.compass;
  const facts: Fact[] = [
    [texts.latLon, `${coordinate(lat, 6)}, ${coordinate(lon, 6)}`],
    [texts.dms, `${sexagesimal(lat, north, south)}, ${sexagesimal(lon, east, west)}`],
  ];
  if (lat < SOUTHERNMOST || lat > NORTHERNMOST) return facts;
  const square = forward([lon, lat], 5).replace(/^(\d+\w)(\w\w)(\d{5})(\d{5})$/, '$1 $2 $3 $4');
  return [...facts, [texts.mgrs, square]];
}

function sceneFacts({ crs, x, y, pixel, map }: PointJson): Fact[] {
  const decimals = Math.abs(x) <= 360 && Math.abs(y) <= 90 ? 6 : 2;
  const facts: Fact[] = [[systemName(crs), `${coordinate(x, decimals)}, ${coordinate(y, decimals)}`]];
  if (!pixel) return facts;
  facts.push([texts.pixel, `${count(pixel.column)}, ${count(pixel.row)}`]);
  if (map) facts.push([texts.class, map.class === null ? texts.notMapped : titleOf(map.class)]);
  if (map && map.score !== null) facts.push([texts.score, percent(map.score)]);
  for (const { number, name, value } of pixel.bands) {
    const shown = value === null || !pixel.valid ? texts.noImagery : figure(value);
    facts.push([name ? `${number} · ${name}` : texts.band(number), shown]);
  }
  return facts;
}

/** EPSG:CODE as it is; of a definition in WKT its name. */
const systemName = (crs: string): string => /^\w+\["([^"]+)"/.exec(crs)?.[1] ?? crs;
