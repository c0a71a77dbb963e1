/** The card of the tool in hand: find, measure, look at a point. */
import { useSignalEffect } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.ts';
import type { MapView } from '../map/map-view.ts';
import { Find } from './find.tsx';
import { Measure } from './measure.tsx';
import { PointReadout } from './point.tsx';
import { drawTool, removeTool } from './tool-layers.ts';
import './tools.css';

export function Tools({ view }: { view: MapView }) {
  const { state } = useApp();
  const { tool, measured, point } = state;
  const { map } = view;
  useSignalEffect(() => {
    const now = tool.value;
    drawTool(map, now === 'measure' ? measured.value : [], now !== 'measure' && point.value ? [point.value] : []);
    map.getCanvas().classList.toggle('tool-in-hand', now === 'measure' || now === 'point');
  });
  useEffect(
    () => () => {
      removeTool(map);
      map.getCanvas().classList.remove('tool-in-hand');
    },
    [map],
  );
  if (tool.value === 'find') return <Find view={view} />;
  return tool.value === 'measure' ? <Measure map={map} /> : <PointReadout map={map} />;
}
