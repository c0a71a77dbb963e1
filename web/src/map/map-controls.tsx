/** What stands on the map beside the panel: zoom buttons, scale bar, who is to be credited, position of the pointer. */
import { useSignal } from '@preact/signals';
import { AttributionControl, type Map as MapLibreMap } from 'maplibre-gl';
import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../app.ts';
import { position } from '../format.ts';
import { Icon, type IconName } from '../icons.tsx';
import { t } from '../messages/index.ts';
import type { State, Tool } from '../state.ts';
import { FLAT_ZOOM } from './create-map.ts';
import type { MapView } from './map-view.ts';
import { scaleBar } from './scale-bar.ts';

const TOOL_BUTTONS: readonly (readonly [Tool, IconName])[] = [
  ['find', 'find'],
  ['measure', 'ruler'],
  ['point', 'target'],
];

/** The one in hand is put away by its button; on phones the map takes the room of the sheet. */
function takeTool({ tool, sheetLowered }: State, next: Tool): void {
  tool.value = tool.value === next ? null : next;
  if (tool.value) sheetLowered.value = true;
}

/** Opens that of the objects that were found, else of the areas. */
function toggleTable({ table, doneJob }: State): void {
  const collections = (doneJob.value?.collections ?? []).filter(({ count }) => count > 0).map(({ id }) => id);
  const first = ['buildings', 'objects', 'landuse'].find((each) => collections.includes(each)) ?? collections[0];
  table.value = table.value === null ? (first ?? null) : null;
}

export function MapControls({ view: { map, fitScene } }: { view: MapView }) {
  const { state } = useApp();
  const { tool, table, doneJob } = state;
  const notes = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Of all that is shown, each said once; nothing is seen of it where nobody is to be credited.
    notes.current!.append(new AttributionControl({ compact: false }).onAdd(map));
  }, [map]);
  return (
    <section class="map-controls" aria-label={t.map.controls}>
      <PointerPosition map={map} />
      <div class="notes-on-map" ref={notes}>
        <ScaleBar map={map} />
      </div>
      <div class="map-button-groups">
        <div class="map-buttons">
          {TOOL_BUTTONS.map(([each, icon]) => (
            <MapButton
              key={each}
              label={t.tools[each]}
              icon={icon}
              pressed={tool.value === each}
              onClick={() => takeTool(state, each)}
            />
          ))}
          <MapButton
            label={t.table.title}
            icon="table"
            pressed={table.value !== null}
            hidden={!doneJob.value}
            onClick={() => toggleTable(state)}
          />
        </div>
        <div class="map-buttons">
          <MapButton label={t.map.zoomIn} icon="plus" zooms onClick={() => map.zoomIn()} />
          <MapButton label={t.map.zoomOut} icon="minus" zooms onClick={() => map.zoomOut()} />
          <MapButton
            label={t.map.wholeImage}
            icon="frame"
            hidden={state.scene.value?.state !== 'ready'}
            onClick={() => fitScene()}
          />
        </div>
      </div>
    </section>
  );
}

interface MapButtonProps {
  label: string;
  icon: IconName;
  zooms?: boolean;
  hidden?: boolean;
  /** Of buttons that take something in hand, whether it is. */
  pressed?: boolean;
  onClick: () => void;
}

function MapButton({ label, icon, zooms, hidden, pressed, onClick }: MapButtonProps) {
  return (
    <button
      type="button"
      class={zooms ? 'map-button zoom' : 'map-button'}
      aria-label={label}
      title={label}
      aria-pressed={pressed}
      hidden={hidden}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}

/** A bar of four alternating parts, as on printed sheets. */
function ScaleBar({ map }: { map: MapLibreMap }) {
  const placeNow = () => ({ zoom: map.getZoom(), latitude: map.getCenter().lat });
  const place = useSignal(placeNow());
  useEffect(() => {
    const update = () => (place.value = placeNow());
    map.on('move', update);
    update();
  }, [map]);
  const { zoom, latitude } = place.value;
  const { pixels, middle, end } = scaleBar(zoom, latitude);
  return (
    <div
      class="scale"
      role="img"
      aria-label={t.map.scaleBar(end)}
      hidden={zoom < FLAT_ZOOM}
      style={{ width: `${pixels}px` }}
    >
      <div class="scale-ladder">
        <i />
        <i />
        <i />
        <i />
      </div>
      <div class="scale-text">
        <span>0</span>
        <span>{middle}</span>
        <span>{end}</span>
      </div>
    </div>
  );
}

function PointerPosition({ map }: { map: MapLibreMap }) {
  const text = useSignal('');
  const hidden = useSignal(false);
  useEffect(() => {
    map.on('mousemove', ({ lngLat }) => {
      text.value = position(lngLat.lat, lngLat.lng, map.getZoom() > 12 ? 5 : 2);
      hidden.value = map.getZoom() < FLAT_ZOOM;
    });
    map.on('mouseout', () => (text.value = ''));
  }, [map]);
  return (
    <output class="position" aria-label={t.map.pointer} hidden={hidden}>
      {text}
    </output>
  );
}
