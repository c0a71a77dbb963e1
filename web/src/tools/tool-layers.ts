/** What tools draw on the map, in the theme's accent: the line or area that is measured, and points. */
import type { Feature } from 'geojson';
import type { GeoJSONSource, Map as MapLibreMap } from 'maplibre-gl';
import type { Position } from '../state.ts';
import { mapColours } from '../theme.ts';
import { drawnLine } from './geodesic.ts';

const SOURCE = 'tool';
const LAYERS = ['tool-fill', 'tool-line', 'tool-points'];

export function drawTool(map: MapLibreMap, corners: readonly Position[], points: readonly Position[]): void {
  // Before the map has its own layers there is nothing to draw over.
  if (!map.getLayer('footprints')) {
    map.once('load', () => drawTool(map, corners, points));
    return;
  }
  addLayers(map);
  const line = drawnLine(corners.length > 2 ? [...corners, corners[0]!] : corners);
  // The side that closes an area is no leg of the distance.
  const legs = corners.length > 2 ? drawnLine(corners) : line;
  const feature = (geometry: Feature['geometry']): Feature => ({ type: 'Feature', properties: {}, geometry });
  map.getSource<GeoJSONSource>(SOURCE)!.setData({
    type: 'FeatureCollection',
    features: [
      ...(corners.length > 2 ? [feature({ type: 'Polygon', coordinates: [line.map((each) => [...each])] })] : []),
      ...(legs.length > 1 ? [feature({ type: 'LineString', coordinates: legs.map((each) => [...each]) })] : []),
      ...[...corners, ...points].map((each) => feature({ type: 'Point', coordinates: [...each] })),
    ],
  });
}

function addLayers(map: MapLibreMap): void {
  if (map.getSource(SOURCE)) return;
  const { accent, paper } = mapColours.value;
  map.addSource(SOURCE, { type: 'geojson', data: { type: 'FeatureCollection', features: [] } });
  const of = (type: string): ['==', ['geometry-type'], string] => ['==', ['geometry-type'], type];
  map.addLayer({
    ...{ id: 'tool-fill', type: 'fill', source: SOURCE, filter: of('Polygon') },
    paint: { 'fill-color': accent, 'fill-opacity': 0.16 },
  });
  map.addLayer({
    ...{ id: 'tool-line', type: 'line', source: SOURCE, filter: of('LineString') },
    layout: { 'line-join': 'round', 'line-cap': 'round' },
    paint: { 'line-color': accent, 'line-width': 2.5 },
  });
  map.addLayer({
    ...{ id: 'tool-points', type: 'circle', source: SOURCE, filter: of('Point') },
    paint: {
      'circle-radius': 5,
      'circle-color': paper,
      'circle-stroke-color': accent,
      'circle-stroke-width': 2.5,
    },
  });
}

export function removeTool(map: MapLibreMap): void {
  for (const layer of LAYERS) if (map.getLayer(layer)) map.removeLayer(layer);
  if (map.getSource(SOURCE)) map.removeSource(SOURCE);
}
