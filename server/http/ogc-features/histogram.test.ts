/** Histograms of what features measure, and the same filter for items, sums and exports. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addDoneJob, addScene, type TestFeature } from '../../../test/support/http-service.ts';
import { testInterface } from '../../../test/support/http-suite.ts';
import type { FeatureJson, HistogramJson } from '../../api/index.ts';

const SIZES = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89];
const building = (size: number, i: number): TestFeature => ({
  ...{ collection: 'buildings', class: 'building' },
  rings: [
    [
      [100 * i, 0],
      [100 * i, size],
      [100 * i + size, size],
      [100 * i + size, 0],
    ],
  ],
});

testInterface('histograms', (its) => {
  async function tenBuildings() {
    const scene = await addScene(its.db);
    const { job } = await addDoneJob(its.db, scene, SIZES.map(building));
    const { body } = await its.get(`/collections/buildings/items?job=${job}&limit=100`);
    return { job, areas: body.features.map(({ properties }: FeatureJson) => properties.area_m2!) as number[] };
  }

  test('each value is counted in the step that it lies in', async () => {
    const { job, areas } = await tenBuildings();
    for (const [scale, bins] of [
      ['linear', 7],
      ['log', 7],
      ['linear', 1],
      ['log', 40],
    ] as const) {
      const { status, body } = await its.get(
        `/collections/buildings/histogram?job=${job}&property=area_m2&bins=${bins}&scale=${scale}`,
      );
      const { edges, counts, without }: HistogramJson = body;
      expect([status, edges.length, counts.length, without]).toEqual([200, bins + 1, bins, 0]);
      expect(edges[0]).toBeCloseTo(Math.min(...areas), 6);
      expect(edges.at(-1)).toBeCloseTo(Math.max(...areas), 6);
      const inside = (i: number) =>
        areas.filter((area) => area >= edges[i]! - 1e-9 && (i === bins - 1 || area < edges[i + 1]! - 1e-9)).length;
      expect(counts, `${scale} ${bins}`).toEqual(counts.map((_, i) => inside(i)));
    }
    const { body } = await its.get('/collections/buildings/histogram?property=width_m');
    expect(body).toEqual({ property: 'width_m', edges: [], counts: [], without: SIZES.length });
    // All have the same score.
    const scores = (await its.get('/collections/buildings/histogram?property=score')).body;
    expect(scores).toEqual({ property: 'score', edges: [0.75, 0.75], counts: [SIZES.length], without: 0 });
    const filtered = await its.get(
      `/collections/buildings/histogram?property=area_m2&filter=${encodeURIComponent('area_m2 > 50')}`,
    );
    expect(filtered.body.counts.reduce((sum: number, each: number) => sum + each, 0)).toBe(
      areas.filter((area) => area > 50).length,
    );
    for (const query of ['', 'property=class', 'property=score&bins=0', 'property=score&scale=cubic']) {
      expect((await its.get(`/collections/buildings/histogram?${query}`)).status, query).toBe(400);
    }
  });

  test('items, sums and exports of a filter are the same features, and nothing of it is kept', async () => {
    const { job, areas } = await tenBuildings();
    const wanted = areas.filter((area) => area >= 5 && area <= 200).length;
    expect(wanted).toBeGreaterThan(2);
    const query = `job=${job}&filter=${encodeURIComponent("area_m2 BETWEEN 5 AND 200 AND class = 'building'")}`;
    expect((await its.get(`/collections/buildings/items?${query}`)).body.numberMatched).toBe(wanted);
    expect((await its.get(`/collections/buildings/aggregate?${query}`)).body.classes[0].count).toBe(wanted);
    const file = (format: string, query: string) =>
      its.get(`/jobs/${job}/export.${format}?collection=buildings&${query.replace(/^job=[^&]*&/, '')}`);
    const { headers, body } = await file('geojson', query);
    expect(headers.get('content-disposition')).toContain('filename="dubai-buildings-filtered.geojson"');
    expect(body.features.length).toBe(wanted);
    expect((await file('geojson', '')).body.features.length).toBe(SIZES.length);
    expect((await file('pmtiles', query)).status).toBe(400);
    expect((await file('geojson', 'filter=area')).status).toBe(400);
    const left = () => readdir(join(its.service.folder, 'jobs', job, 'filtered'));
    await expect.poll(left).toEqual([]);
  });
});
