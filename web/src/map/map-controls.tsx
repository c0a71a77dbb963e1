/** What stands on the map beside the panel: zoom buttons, scale bar, who is to be credited, position of the pointer. */
import { useSignal } from '@preact/signals';
import { AttributionControl, type Map as MapLibreMap } from 'maplibre-gl';
import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../app.ts';
import { position } from '../format.ts';
import { Icon, type IconName } from '../icons.tsx';
import { t } from '../messages/index.ts';
import { FLAT_ZOOM } from './create-map.ts';
import type { MapView } from './map-view.ts';
import { scaleBar } from './scale-bar.ts';

export function MapControls({ view: { map, fitScene } }: { view: MapView }) {
  const { state } = useApp();
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
    </section>
  );
}

function MapButton(props: { label: string; icon: IconName; zooms?: boolean; hidden?: boolean; onClick: () => void }) {
  const { label, icon, zooms, hidden, onClick } = props;
  return (
    <button
      type="button"
      class={zooms ? 'map-button zoom' : 'map-button'}
      aria-label={label}
      title={label}
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
