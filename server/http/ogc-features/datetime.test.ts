/** `datetime` and `captured_at`: features by when the image was taken that they were found in. */
import { describe, expect, test } from 'vitest';
import { addDoneJob, addScene, fetchJson } from '../../../test/support/http-service.ts';
import { square, testInterface } from '../../../test/support/http-suite.ts';
import type { FeatureJson, Link } from '../../api/index.ts';

testInterface('features in time', (its) => {
  const { get } = its;

  /** A scene taken then by its own clock, with one square; returns the feature's id. */
  async function taken(capturedAt: string | null): Promise<string> {
    const scene = await addScene(its.db);
    await its.db.query(
      `UPDATE planimeter.scenes SET report = report || jsonb_build_object('capturedAt', $2::text) WHERE id = $1`,
      [scene, capturedAt],
    );
    const { ids } = await addDoneJob(its.db, scene, [square(0, 0)]);
    return ids[0];
  }

  async function three(): Promise<{ found(query: string): Promise<string> }> {
    const ids = new Map([
      [await taken('2020-05-01T12:00:00'), 'a'],
      [await taken('2021-01-01T00:00:00'), 'b'],
      [await taken(null), '?'],
    ]);
    const found = async (query: string) => {
      const { status, body } = await get(`/collections/landuse/items?${query}`);
      expect(status, JSON.stringify(body)).toBe(200);
      expect(body.numberMatched).toBe(body.features.length);
      const letters = body.features.map(({ id }: FeatureJson) => ids.get(id)!);
      return letters.sort().join('');
    };
    return { found };
  }

  describe('items', () => {
    test('are those of the time that is asked for, and those without one', async () => {
      const { found } = await three();
      expect(await found('datetime=1999-01-01')).toBe('?');
      expect(await found('datetime=1999-01-01T00:00:00Z')).toBe('?');
      expect(await found('datetime=2020-05-01')).toBe('?a');
      expect(await found('datetime=2020-05-01T12:00:00Z')).toBe('?a');
      expect(await found('datetime=2020-05-01t12:00:00z')).toBe('?a');
      expect(await found('datetime=2020-05-01T14:00:00%2B02:00')).toBe('?a');
      expect(await found('datetime=2020-05-01T14:00:00+02:00')).toBe('?a');
      expect(await found('datetime=2020-05-01T12:00:01Z')).toBe('?');
      expect(await found('datetime=2020-05-01/2021-01-01')).toBe('?ab');
      expect(await found('datetime=2020-05-01T12:00:00Z/2020-12-31T23:59:59.999Z')).toBe('?a');
      expect(await found('datetime=2020-05-02/..')).toBe('?b');
      expect(await found('datetime=2020-05-02/')).toBe('?b');
      expect(await found('datetime=../2020-05-01')).toBe('?a');
      expect(await found('datetime=/2020-05-01T11:59:59Z')).toBe('?');
      expect(await found('datetime=../..')).toBe('?ab');
      expect(await found('datetime=0000-01-01/9999-12-31T23:59:59-12:00')).toBe('?ab');
      expect(await found('datetime=2020-05-01&bbox=-180,-90,180,90&class=vegetation')).toBe('?a');
    });

    test('keep to it from page to page', async () => {
      await three();
      const { body } = await get('/collections/landuse/items?datetime=2020-05-01&limit=1');
      expect(body.numberMatched).toBe(2);
      const { body: page } = await fetchJson(body.links.find(({ rel }: Link) => rel === 'next').href);
      expect([page.numberMatched, page.features.length, page.links.some(({ rel }: Link) => rel === 'next')]).toEqual([
        2,
        1,
        false,
      ]);
    });

    test.each([
      '',
      '..',
      'yesterday',
      '2020',
      '2020-13-01',
      '2021-02-29',
      '2020-02-30/..',
      '2020-01-01T25:00:00Z',
      '2020-01-01T24:00:00Z',
      '2020-01-01T00:00:00',
      '2020-01-01T00:00Z',
      '2020-01-01 00:00:00Z',
      '2020-01-01T00:00:00+2:00',
      '2021-01-01/2020-01-01',
      '2020-01-01/2021-01-01/2022-01-01',
      '../../..',
    ])('refuse datetime=%s', async (text) => {
      const { status, body } = await get(`/collections/landuse/items?datetime=${encodeURIComponent(text)}`);
      expect(status).toBe(400);
      expect(body).toMatchObject({ code: 'bad_request', detail: expect.stringContaining('RFC 3339') });
    });

    test('can be filtered by it', async () => {
      const { found } = await three();
      const where = (filter: string) => found(`filter=${encodeURIComponent(filter)}`);
      expect(await where(`captured_at = TIMESTAMP('2020-05-01T12:00:00Z')`)).toBe('a');
      expect(await where(`captured_at > TIMESTAMP('2020-05-01T12:00:00Z')`)).toBe('b');
      expect(await where(`captured_at = DATE('2020-05-01')`)).toBe('a');
      expect(await where(`captured_at <= DATE('2020-05-01')`)).toBe('a');
      expect(await where(`captured_at > DATE('2020-05-01')`)).toBe('b');
      expect(await where(`DATE('2020-05-02') > captured_at`)).toBe('a');
      expect(await where(`captured_at BETWEEN DATE('2020-05-01') AND DATE('2021-01-01')`)).toBe('ab');
      expect(await where(`captured_at IN (DATE('2020-05-01'), TIMESTAMP('2021-01-01T00:00:00Z'))`)).toBe('ab');
      expect(await where(`T_INTERSECTS(captured_at, INTERVAL('2020-05-01', '2020-05-01'))`)).toBe('a');
      expect(await where(`T_AFTER(captured_at, DATE('2020-05-01'))`)).toBe('b');
      expect(await where(`T_AFTER(captured_at, TIMESTAMP('2020-05-01T11:59:59Z'))`)).toBe('ab');
      expect(await where(`T_DURING(captured_at, INTERVAL('2020-01-01', '..'))`)).toBe('ab');
      expect(await where('captured_at IS NULL')).toBe('?');
      expect(await found(`datetime=../2020-12-31&filter=${encodeURIComponent('captured_at IS NOT NULL')}`)).toBe('a');
      const { body } = await get('/collections/landuse/queryables');
      expect(body.properties.captured_at).toEqual({ type: 'string', format: 'date-time' });
    });
  });

  test('a collection says from when to when its images were taken', async () => {
    await taken(null);
    const extent = async () => (await get('/collections/landuse')).body.extent;
    expect(await extent()).not.toHaveProperty('temporal');
    await taken('2020-05-01T12:00:00');
    await taken('2018-07-01T00:00:00');
    expect((await extent()).temporal).toEqual({
      interval: [['2018-07-01T00:00:00.000Z', '2020-05-01T12:00:00.000Z']],
      trs: 'http://www.opengis.net/def/uom/ISO-8601/0/Gregorian',
    });
  });
});
