import type { Map as MapLibreMap } from 'maplibre-gl';
import { expect, test, vi } from 'vitest';

vi.stubGlobal('matchMedia', () => new EventTarget());
vi.stubGlobal('document', { documentElement: { dataset: {} } });
const { featureAt, isGeneralizedAt } = await import('./layers.ts');

const LAKE = { id: 'lake', class: 'water', score: 0.9, area_m2: 146_000 };

/** A map that draws such features at every point, the uppermost first. */
function drawing(...found: [layer: string, properties: object][]): MapLibreMap {
  const features = found.map(([id, properties]) => ({ layer: { id }, sourceLayer: 'landuse', properties }));
  return { getLayer: () => ({}), queryRenderedFeatures: () => features } as unknown as MapLibreMap;
}

test('a click after a zoom finds the feature, also while a tile of the smaller scale is still drawn', () => {
  const both = drawing(['landuse-fill', { class: 'water' }], ['landuse-fill', LAKE]);
  expect([featureAt(both, [1, 1])?.id, isGeneralizedAt(both, [1, 1])]).toEqual(['lake', false]);
  const block = drawing(['buildings-fill', { class: 'building' }], ['landuse-fill', LAKE]);
  expect([featureAt(block, [1, 1]), isGeneralizedAt(block, [1, 1])]).toEqual([null, true]);
  expect([featureAt(drawing(), [1, 1]), isGeneralizedAt(drawing(), [1, 1])]).toEqual([null, false]);
});
