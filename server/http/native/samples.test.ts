/** A sample of a map, looked at by several people: what they get, what they say, and what it comes to. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addDoneJob, addScene, GEOTRANSFORM, MODEL, reportOf } from '../../../test/support/http-service.ts';
import { NOWHERE, testInterface } from '../../../test/support/http-suite.ts';
import type { Geotransform } from '../../../tiler/crs/geotransform.ts';
import { createTiffWriter } from '../../../tiler/geotiff/write-tiff.ts';
import { updateJob } from '../../store/tables/jobs.ts';
import { createToken } from '../../store/tables/tokens.ts';
import { readLabels } from '../../teaching/read-labels.ts';

/** The scene's pixels, of which each of the map is four by four. */
const SIDE = 500;
const GRID: Geotransform = [GEOTRANSFORM[0], 2, 0, GEOTRANSFORM[3], 0, -2];
const CLASSES = ['other', 'building', 'water'].map((name, value) => ({ name, value, color: '#888888' }));
/** Water on the map up to column 100; in truth up to 80. A building where the map has none. */
const mapped = (x: number, y: number) => (x < 100 ? 2 : y < 50 ? 1 : 0);
const there = (x: number, y: number) => CLASSES[x < 80 ? 2 : y < 60 ? 1 : 0]!.name;

testInterface('samples', (its) => {
  async function mappedJob() {
    const scene = await addScene(its.db);
    const { job } = await addDoneJob(its.db, scene, []);
    const grid = { width: SIDE, height: SIDE, gsd_m: 2, geotransform: GRID };
    await updateJob(its.db, job, { report: { ...reportOf(job, scene), classes: CLASSES, model_grid: grid } });
    const folder = join(its.service.folder, 'jobs', job);
    await mkdir(folder, { recursive: true });
    for (const [name, codeAt] of [
      ['classes', mapped],
      ['scores', (x: number) => (x % 4 === 0 ? 100 : 250)],
    ] as const) {
      const writer = await createTiffWriter(join(folder, `${name}.tif`), {
        ...{ width: SIDE, height: SIDE, bands: 1, sampleType: 'uint8', nodata: 255, compression: 'deflate' },
        ...{ overviews: 'none', geotransform: GRID, epsg: 32640 },
      });
      await writer.writeRows(SIDE, Uint8Array.from({ length: SIDE ** 2 }, (_, i) => codeAt(i % SIDE, Math.floor(i / SIDE)))); // biome-ignore format: one line
      await writer.finish();
    }
    return job;
  }

  /** Where a point lies on the map, by the database that knows. */
  async function pixelOf(sample: string, number: number): Promise<[number, number]> {
    const [row] = await its.db.query<{ x: number; y: number }>(
      'SELECT x, y FROM planimeter.sample_points WHERE sample = $1::uuid AND number = $2', [sample, number]); // biome-ignore format: one line
    return [row!.x, row!.y];
  }

  test('is drawn, looked at by two people blindly, and comes to areas that hold the truth', async () => {
    const job = await mappedJob();
    const { status, body: sample, headers } = await its.post(`/jobs/${job}/samples`, { size: 80, least: 20, seed: 7, second_share: 0.2 }); // biome-ignore format: one line
    expect(status).toBe(201);
    const path = `/jobs/${job}/samples/${sample.id}`;
    expect(headers.get('location')).toBe(path);
    expect(sample).toMatchObject({ job, created_by: 'anybody', progress: { points: 80, answered: 0 } });
    expect(sample.classes.map(({ name }: { name: string }) => name)).toEqual(['other', 'building', 'water']);
    expect(sample.design.strata.map(({ pixels }: { pixels: number }) => pixels)).toEqual([180_000, 20_000, 50_000]);
    expect(sample.design.strata[0].area_m2 / (180_000 * 4)).toBeCloseTo(1, 2);
    expect(sample.progress.second_wanted).toBeGreaterThan(12);

    expect((await its.get(`/jobs/${job}/accuracy`)).status).toBe(404);
    const seen = new Map<string, number[]>([['Ada', []], ['Ben', []]]); // biome-ignore format: pairs
    for (const reviewer of ['Ada', 'Ben']) {
      for (;;) {
        const { body } = await its.post(`${path}/next`, { reviewer });
        if (body.point === null) break;
        expect(Object.keys(body.point).sort()).toEqual(['lat', 'lon', 'number', 'pixel']); // and nothing of the map
        const { number } = body.point;
        seen.get(reviewer)!.push(number);
        const truth = there(...(await pixelOf(sample.id, number)));
        // Ben errs at one of the points that both look at, and cannot tell at another; Ada cannot tell at point 7.
        const ofBen = seen.get('Ben')!.length;
        const said = reviewer === 'Ben' && ofBen === 1 ? (truth === 'other' ? 'water' : 'other') : truth;
        const unclear = reviewer === 'Ada' ? number === 7 : ofBen === 2;
        await its.post(`${path}/answers`, { point: number, class: unclear ? null : said, seconds: 1.5, reviewer });
      }
    }
    expect(seen.get('Ada')).toEqual(Array.from({ length: 80 }, (_, i) => i + 1));
    expect(seen.get('Ben')).toHaveLength(sample.progress.second_wanted);

    const { body: after } = await its.get(path);
    expect(after.progress).toMatchObject({ answered: 80, cannot_tell: 1, disagreeing: 1 });
    expect(after.progress.reviewers[0]).toEqual({ reviewer: 'Ada', answers: 80 });
    const { body: third } = await its.post(`${path}/next`, { reviewer: 'Cem' });
    expect(third.point.number).toBe(seen.get('Ben')![0]);

    const { status: found, body: accuracy } = await its.get(`/jobs/${job}/accuracy`);
    expect(found).toBe(200);
    expect(accuracy).toMatchObject({ job, sample: sample.id, answered: 79, cannot_tell: 1, disagreeing: 1 });
    expect(accuracy.agreement).toMatchObject({
      points: seen.get('Ben')!.length - 1,
      agreed: seen.get('Ben')!.length - 2,
    });
    const truth = { water: 80 * 500, building: 420 * 60, other: 420 * 440 };
    for (const each of accuracy.classes) {
      const pixels = truth[each.class as keyof typeof truth];
      expect(each.area_m2.lower, each.class).toBeLessThan(4 * pixels);
      expect(each.area_m2.upper, each.class).toBeGreaterThan(4 * pixels);
    }
    const water = accuracy.classes.find((each: { class: string }) => each.class === 'water');
    expect(water.mapped_m2 / (4 * 50_000)).toBeCloseTo(1, 2);
    expect(water.area_m2.value).toBeLessThan(water.mapped_m2);
    expect(accuracy.text.join(' ')).toContain('95 % confidence interval');
    expect(accuracy.sources[0]).toContain('Olofsson');

    const page = await fetch(`${its.service.address}/jobs/${job}/accuracy`, { headers: { Accept: 'text/html' } });
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(await page.text()).toContain('Error matrix');
    const packed = await fetch(`${its.service.address}/jobs/${job}/package.zip`);
    const zip = Buffer.from(await packed.arrayBuffer()).toString('latin1');
    expect(zip).toContain('accuracy.json');
    expect((await its.remove(path)).status).toBe(204);
    expect((await its.get(path)).status).toBe(404);
    const [left] = await its.db.query<{ n: number }>('SELECT count(*)::int AS n FROM planimeter.sample_answers');
    expect(left!.n).toBe(0);
    const actions = (await its.db.query<{ action: string }>(`SELECT DISTINCT action FROM planimeter.audit WHERE action LIKE 'sample%' AND subject = $1 ORDER BY 1`, [sample.id])).map(({ action }) => action); // biome-ignore format: one line
    expect(actions).toEqual(['sample_answered', 'sample_deleted', 'sample_drawn']);
  });

  test('several people at once get points of their own, and an answer may be changed', async () => {
    const job = await mappedJob();
    const { body: sample } = await its.post(`/jobs/${job}/samples`, { size: 60, least: 10, seed: 1 });
    const path = `/jobs/${job}/samples/${sample.id}`;
    const asked = await Promise.all([...'ABCDEFGHIJ'].map((reviewer) => its.post(`${path}/next`, { reviewer })));
    const numbers = asked.map(({ body }) => body.point.number);
    expect(new Set(numbers).size).toBe(10);
    // Who asks again gets the same.
    expect((await its.post(`${path}/next`, { reviewer: 'A' })).body.point.number).toBe(numbers[0]);
    const answer = (name: string | null) =>
      its.post(`${path}/answers`, { point: numbers[0], class: name, reviewer: 'A' });
    expect((await answer('water')).body).toMatchObject({ answered: 1, cannot_tell: 0 });
    expect((await answer(null)).body).toMatchObject({ answered: 1, cannot_tell: 1 });
    expect(await answer('lava')).toMatchObject({ status: 400, body: { code: 'bad_request' } });
    expect((await its.post(`${path}/answers`, { point: 61, class: null })).status).toBe(400);
    expect((await its.get(`/jobs/${job}/accuracy`)).body).toMatchObject({ code: 'conflict' });
  });

  test('goes out to other programs as CSV and GeoJSON, and comes back with answers', async () => {
    const job = await mappedJob();
    const { body: sample } = await its.post(`/jobs/${job}/samples`, { size: 60, least: 15, seed: 3, split_score: 0.5 });
    expect(new Set(sample.design.strata.map(({ part }: { part: string }) => part))).toEqual(
      new Set(['sure', 'unsure']),
    );
    const path = `/jobs/${job}/samples/${sample.id}`;
    const plots = await (await fetch(`${its.service.address}${path}/plots.csv`)).text();
    const rows = plots.trim().split('\r\n');
    expect(rows[0]).toBe('PLOTID,LON,LAT');
    expect(rows).toHaveLength(1 + sample.progress.points);
    const points = (await its.get(`${path}/plots.geojson`)).body;
    expect(points.features[0].properties).toEqual({ plotid: 1 });

    const answered = await Promise.all(
      rows.slice(1).map(async (row, i) => `${row},eva@example.org,${i === 4 ? 'true' : 'false'},2026-05-01 09:30,12.5 secs,${i === 4 ? '' : there(...(await pixelOf(sample.id, i + 1))).toUpperCase()}`), // biome-ignore format: one line
    );
    const csv = ['plotid,lon,lat,email,flagged,collection_time,analysis_duration,What is it', ...answered].join('\n');
    const send = (text: string, query = '?column=what%20is%20it') =>
      its.get(`${path}/import${query}`, { method: 'POST', headers: { 'Content-Type': 'text/csv' }, body: text });
    expect((await send(csv)).body).toMatchObject({
      answers: sample.progress.points,
      progress: { answered: sample.progress.points, cannot_tell: 1, reviewers: [{ reviewer: 'eva@example.org' }] },
    });
    expect((await its.get(`/jobs/${job}/accuracy?sample=${sample.id}`)).body.answered).toBe(sample.progress.points - 1);
    const back = await (await fetch(`${its.service.address}${path}/answers.csv`)).text();
    expect(back).toContain('eva@example.org,FALSE,2026-05-01T');
    expect((await its.get(`${path}/answers.geojson`)).body.features[0].properties.analysis_duration).toBe('12.5 secs');
    const labels = (await its.get(`${path}/labels.geojson`)).body.features;
    expect(labels).toHaveLength(sample.progress.points - 1);
    expect(readLabels({ type: 'FeatureCollection', features: labels }, CLASSES)).toHaveLength(labels.length);
    expect((await its.get(`${path}/labels.csv`)).status).toBe(404);
    // What was written is read again.
    expect((await send(back, '')).body.answers).toBe(sample.progress.points);

    expect((await send(csv.replace('OTHER', 'lava'))).body.detail).toContain('lava');
    const [, first] = rows;
    const [, lon, lat] = first!.split(',').map(Number);
    expect((await send(`plotid,lon,lat,class\n1,${lon! + 1},${lat},water`, '')).body.detail).toContain(
      'lies elsewhere',
    );
    expect((await send('plotid,class\n99999,water', '')).body.detail).toContain('no point 99999');
  });

  test('an area of interest, a distance, a size by its standard error; and what is refused', async () => {
    const job = await mappedJob();
    const corner = [55.2718, 25.1602];
    const within = await its.post(`/jobs/${job}/samples`, { size: 30, least: 0, apart_m: 50, seed: 2 });
    expect(within.body.progress.points).toBe(30);
    const bySize = await its.post(`/jobs/${job}/samples`, { standard_error: 0.03, expected_accuracy: 0.8 });
    expect(bySize.body.design.size).toBe(178); // 0.8 · 0.2 / 0.03²
    expect(bySize.body.design.expected_standard_error).toBeGreaterThan(0.029);
    const outside = { type: 'Polygon', coordinates: [[corner, [55.272, 25.1602], [55.272, 25.161], corner].map(([lon, lat]) => [lon! - 90, lat])] }; // biome-ignore format: one line
    expect((await its.post(`/jobs/${job}/samples`, { aoi: outside })).body.code).toBe('aoi_outside');
    expect((await its.post(`/jobs/${job}/samples`, { size: 3 })).body.detail).toContain('"size"');
    expect((await its.post(`/jobs/${job}/samples`, { number: 3 })).body.detail).toContain('known are size');
    expect((await its.post(`/jobs/${job}/samples`, { standard_error: 0.001 })).body.detail).toContain('larger');
    expect((await its.get(`/jobs/${job}/samples/${NOWHERE}`)).status).toBe(404);
    expect((await its.post(`/jobs/${NOWHERE}/samples`)).status).toBe(404);
    const { body: list } = await its.get(`/jobs/${job}/samples`);
    expect(list).toHaveLength(2);
    expect(MODEL.classes).toHaveLength(1); // the report's classes count, and not the network's of today
  });

  test('with tokens, who looks is who the token says, and viewers see the result alone', async () => {
    const job = await mappedJob();
    const admin = await createToken(its.db, { name: 'Root', role: 'admin' });
    const [editor, viewer] = await Promise.all(
      (['editor', 'viewer'] as const).map((role) => createToken(its.db, { name: `an ${role}`, role })),
    );
    try {
      const ask = (token: string, path: string, body?: unknown) =>
        its.get(path, {
          method: body === undefined ? 'GET' : 'POST',
          headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        });
      const { body: sample } = await ask(editor!.token, `/jobs/${job}/samples`, { size: 30, least: 5, seed: 5 });
      const path = `/jobs/${job}/samples/${sample.id}`;
      expect(sample.created_by).toBe('an editor');
      expect((await ask(viewer!.token, path)).status).toBe(403);
      expect((await ask(viewer!.token, `${path}/answers`, { point: 1, class: null })).status).toBe(403);
      const answer = { point: 1, class: 'water', reviewer: 'Somebody Else' };
      expect((await ask(editor!.token, `${path}/answers`, answer)).body.detail).toContain('"an editor"');
      const { body } = await ask(editor!.token, `${path}/answers`, { point: 1, class: 'water' });
      expect(body.reviewers).toEqual([{ reviewer: 'an editor', answers: 1 }]);
      expect((await ask(viewer!.token, `/jobs/${job}/accuracy`)).body.code).toBe('conflict'); // too few, but told
      expect((await ask(admin.token, path)).status).toBe(200);
    } finally {
      await its.db.query('DELETE FROM planimeter.tokens');
    }
  });
});
