/** Positions in degrees and in systems of their own, and what a scene's image and map hold there. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addDoneJob, addScene, startService } from '../../../test/support/http-service.ts';
import { NOWHERE, square, testInterface } from '../../../test/support/http-suite.ts';
import type { PointJson } from '../../api/index.ts';
import type { PixelValues } from '../../processes/render-entry.ts';

testInterface('positions', (its) => {
  test('coordinates of EPSG systems come in degrees; others are refused with the reason', async () => {
    const { status, body } = await its.get('/coordinates?crs=epsg:25833&x=389776&y=5819676');
    expect([status, body.crs]).toEqual([200, 'EPSG:25833']);
    // cs2cs EPSG:25833 EPSG:4326
    expect([body.lon, body.lat]).toEqual([expect.closeTo(13.3761, 3), expect.closeTo(52.5165, 3)]);
    const refused = async (query: string) => {
      const { status, body } = await its.get(`/coordinates?${query}`);
      return [status, body.code];
    };
    expect(await refused('crs=EPSG:99999&x=1&y=1')).toEqual([422, 'unknown_crs']);
    expect(await refused('crs=EPSG:4326&x=200&y=95')).toEqual([400, 'bad_request']);
    for (const query of [
      '',
      'crs=4326&x=1&y=1',
      'crs=EPSG:4326&x=one&y=1',
      'crs=EPSG:4326&x=1',
      'crs=EPSG:4326&x=1&y=1e12',
    ]) {
      expect(await refused(query), query).toEqual([400, 'bad_request']);
    }
  });

  test("a position of a scene: its system's coordinates, bands, class and score", async () => {
    const asked: string[] = [];
    const of = (...values: number[]): PixelValues => ({ column: 20, row: 10, valid: true, values });
    const changes = {
      readPixel: async (path: string, x: number, y: number) => {
        asked.push(`${path.split('/').at(-1)} ${x.toFixed(1)} ${y.toFixed(1)}`);
        return path.endsWith('working.tif') ? of(90, 80, 70) : path.endsWith('classes.tif') ? of(1) : of(204);
      },
    };
    const service = await startService(its.db, changes);
    try {
      const scene = await addScene(its.db);
      const { job } = await addDoneJob(its.db, scene, [square(0, 0)]);
      for (const [folder, ...names] of [
        [`scenes/${scene}`, 'working.tif'],
        [`jobs/${job}`, 'classes.tif', 'scores.tif'],
      ] as const) {
        await mkdir(join(service.folder, folder), { recursive: true });
        for (const name of names) await writeFile(join(service.folder, folder, name), '');
      }
      const get = async (query: string) => {
        const response = await fetch(`${service.address}/scenes/${scene}/point?${query}`);
        return { status: response.status, body: (await response.json()) as PointJson };
      };
      const [place] = await its.db.query<{ lon: number; lat: number }>(
        `SELECT ST_X(g) AS lon, ST_Y(g) AS lat
           FROM (SELECT ST_Transform(ST_SetSRID(ST_MakePoint(326010.2, 2783994.8), 32640), 4326) AS g) AS p`,
      );
      const at = `lon=${place!.lon}&lat=${place!.lat}`;
      const { status, body } = await get(`${at}&job=${job}`);
      expect(status).toBe(200);
      expect(body).toMatchObject({
        crs: 'EPSG:32640',
        x: expect.closeTo(326010.2, 2),
        y: expect.closeTo(2783994.8, 2),
        pixel: {
          column: 20,
          row: 10,
          valid: true,
          bands: [{ number: 1, name: null, value: 90 }, { value: 80 }, { value: 70 }],
        },
        map: { job, class: 'building', score: 0.8 },
      });
      expect(asked.sort()).toEqual(
        ['classes.tif', 'scores.tif', 'working.tif'].map((name) => `${name} 326010.2 2783994.8`),
      );
      expect((await get(at)).body.map).toBeNull();
      expect((await get(`${at}&job=${NOWHERE}`)).status).toBe(404);
      expect((await get('lon=1')).status).toBe(400);
    } finally {
      await service.close();
    }
  });
});
