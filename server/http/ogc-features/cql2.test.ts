import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Problem } from '../../../errors/problem.ts';
import { testEngines } from '../../../test/support/databases.ts';
import { polygonWkb, rectangle } from '../../../test/support/geometry.ts';
import type { JobReport } from '../../api/index.ts';
import type { Database } from '../../store/database/database.ts';
import { cql2Condition } from '../../store/tables/cql2-to-sql.ts';
import { insertFeatures, publishJob } from '../../store/tables/features.ts';
import { queryItems } from '../../store/tables/items.ts';
import { insertJob } from '../../store/tables/jobs.ts';
import { insertScene } from '../../store/tables/scenes.ts';
import { parseCql2Text } from './parse-cql2-text.ts';

test.each([
  ["class = 'o''x'", { op: '=', args: [{ property: 'class' }, "o'x"] }],
  ['"class" <> \'a\'', { op: '<>', args: [{ property: 'class' }, 'a'] }],
  ['score NOT BETWEEN .1 AND 5e-1', { op: 'not', args: [{ op: 'between', args: [{ property: 'score' }, 0.1, 0.5] }] }],
  [
    'a OR b AND NOT c',
    {
      op: 'or',
      args: [{ property: 'a' }, { op: 'and', args: [{ property: 'b' }, { op: 'not', args: [{ property: 'c' }] }] }],
    },
  ],
  [
    '(a + 2) * -3 <= b',
    { op: '<=', args: [{ op: '*', args: [{ op: '+', args: [{ property: 'a' }, 2] }, -3] }, { property: 'b' }] },
  ],
  ['a - 1 - 2 > 0', { op: '>', args: [{ op: '-', args: [{ op: '-', args: [{ property: 'a' }, 1] }, 2] }, 0] }],
  ['width_m IS NOT NULL', { op: 'not', args: [{ op: 'isNull', args: [{ property: 'width_m' }] }] }],
  ["class in ('a', 'b')", { op: 'in', args: [{ property: 'class' }, ['a', 'b']] }],
  [
    "CASEI(class) LIKE casei('BU%')",
    {
      op: 'like',
      args: [
        { op: 'casei', args: [{ property: 'class' }] },
        { op: 'casei', args: ['BU%'] },
      ],
    },
  ],
  [
    'S_WITHIN(geometry, MULTIPOLYGON(((0 0,1 0,1 -1.5,0 0))))',
    {
      op: 's_within',
      args: [
        { property: 'geometry' },
        {
          type: 'MultiPolygon',
          coordinates: [
            [
              [
                [0, 0],
                [1, 0],
                [1, -1.5],
                [0, 0],
              ],
            ],
          ],
        },
      ],
    },
  ],
  [
    'S_INTERSECTS(geometry, POINT(1 2))',
    { op: 's_intersects', args: [{ property: 'geometry' }, { type: 'Point', coordinates: [1, 2] }] },
  ],
  [
    "T_DURING(mapped_at, INTERVAL('2020-01-01', '..'))",
    { op: 't_during', args: [{ property: 'mapped_at' }, { interval: ['2020-01-01', '..'] }] },
  ],
])('reads %s', (text, expected) => {
  expect(parseCql2Text(text)).toEqual(expected);
});

test.each([
  ['', 'a value is expected at its end'],
  ['area_m2 >', 'a value is expected at its end'],
  ['area_m2 > 1 class', 'the end is expected at character 13 ("class")'],
  ["class = 'open", 'cannot be read'],
  ['class NOT 3', 'LIKE, IN or BETWEEN is expected at character 11 ("3")'],
  ['S_INTERSECTS(geometry, POLYGON((0 0,1 0))', '")" is expected at its end'],
  [`${'('.repeat(5000)}1=1${')'.repeat(5000)}`, 'something less nested'],
  ['NOT '.repeat(5000), 'something less nested'],
  ['f('.repeat(5000), 'something less nested'],
  ['score = 1; DROP TABLE planimeter.features', 'cannot be read'],
])('refuses %.40s', (text, message) => {
  expect(() => parseCql2Text(text)).toThrow(Problem);
  expect(() => parseCql2Text(text)).toThrow(message);
});

test.each([
  ['no_such = 1', 'there is no property "no_such"'],
  ["score = 'high'", 'a number is expected where a text stands'],
  ['score', 'a boolean is expected where a number stands'],
  ['__proto__ = 1', 'there is no property "__proto__"'],
  ['pg_sleep(9) = 1', 'there is no operation "pg_sleep"'],
  ["class LIKE 'a\\'", 'a pattern ends in a lone backslash'],
  ['S_INTERSECTS(geometry, POLYGON((0 0,1 0,1 1,0 1)))', 'not closed'],
  ['S_INTERSECTS(geometry, POLYGON((0 0,1 1,1 0,0 1,0 0)))', 'crosses itself at 0.5, 0.5'],
  ['S_INTERSECTS(geometry, POINT(1e308 0))', 'no longitude and latitude'],
  ['S_INTERSECTS(geometry, BBOX(0,0,1e308,1))', 'a bbox has four or six numbers, degrees'],
  [`class LIKE '${'%a'.repeat(21)}'`, 'more than 20 "%"'],
  [`CASEI(class) LIKE CASEI('${'%_'.repeat(500)}')`, 'more than 20 "%"'],
  [`class = '${'a'.repeat(2001)}'`, 'more than 2000 characters'],
  [`score = ${'1+'.repeat(70)}1`, 'or 64 levels'],
  [`class IN (${Array.from({ length: 1001 }, (_, i) => `'${i}'`)})`, 'more than 1000 parts'],
  [`${'CASEI('.repeat(60)}class${')'.repeat(60)} = 'a' AND ${'NOT '.repeat(64)}score = 1`, 'or 64 levels'],
  ["T_AFTER(mapped_at, TIMESTAMP('yesterday'))", 'not an RFC 3339 date'],
  ["T_MEETS(mapped_at, INTERVAL('2020-01-01','2021-01-01'))", 'take t_after'],
  [Array.from({ length: 400 }, () => 'score = 1').join(' OR '), 'more than 1000 parts'],
])('does not compile %.50s', (text, message) => {
  expect(() => cql2Condition(parseCql2Text(text), [])).toThrow(message);
});

test('the geometries of a filter are limited together', () => {
  const points = { type: 'MultiPoint', coordinates: Array.from({ length: 4000 }, (_, i) => [i / 100, 0]) };
  const meets = (count: number) => ({
    op: 'or',
    args: Array.from({ length: count }, () => ({ op: 's_intersects', args: [{ property: 'geometry' }, points] })),
  });
  expect(() => cql2Condition(meets(2), [])).not.toThrow();
  expect(() => cql2Condition(meets(3), [])).toThrow('there are more than 10000 positions');
});

test('no value reaches the SQL text', () => {
  const parameters: unknown[] = [1, 2];
  const sql = cql2Condition(parseCql2Text("class = 'x'' OR 1=1 --' AND score > 0.5"), parameters);
  expect(sql).toBe('((f.class = $3::text) AND (f.score::double precision > $4::double precision))');
  expect(parameters).toEqual([1, 2, "x' OR 1=1 --", 0.5]);
});

describe.each(testEngines())('filters and orders on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  const collection = 'buildings';
  beforeAll(async () => {
    ({ db, drop } = await open());
    const [id, scene] = [randomUUID(), randomUUID()];
    await insertScene(db, { id: scene, name: 'a scene', upload: null, sha256: '00', bytes: 1 });
    await insertJob(db, { id, scene, model: 'm', parameters: {} });
    const rows = Array.from({ length: 40 }, (_, i) => ({
      id: randomUUID(),
      collection,
      class: i % 4 === 0 ? 'Shed' : 'building',
      score: (i % 10) / 10,
      wkb: polygonWkb(rectangle(i, 0, i + 0.5, 1)),
      properties: i % 3 === 0 ? { regularized: i % 2 === 0, orientation_deg: i } : {},
    }));
    await insertFeatures(db, { id, epsg: 4326 }, rows);
    await publishJob(db, id, { counts: {} } as JobReport);
  });
  afterAll(() => drop());

  const west = (geometry: object) =>
    Math.floor(
      (geometry as { coordinates: number[][][] }).coordinates[0]!.reduce((low, [x]) => Math.min(low, x!), 999),
    );
  const found = async (text: string) => {
    const { features, matched } = await queryItems(db, collection, { limit: 100, filter: parseCql2Text(text) });
    expect(matched).toBe(features.length);
    return features.map(({ geometry }) => west(geometry)).sort((a, b) => a - b);
  };
  const those = (keep: (i: number) => boolean) => Array.from({ length: 40 }, (_, i) => i).filter(keep);

  test.each<[string, (i: number) => boolean]>([
    ["class = 'Shed'", (i) => i % 4 === 0],
    ["NOT class = 'Shed' AND score >= 0.75", (i) => i % 4 !== 0 && i % 10 >= 8],
    ["CASEI(class) LIKE 'sh%' OR class LIKE 'b_ilding'", () => true],
    ['score BETWEEN 0.25 AND 0.55', (i) => i % 10 >= 3 && i % 10 <= 5],
    ["class IN ('Shed', 'barn')", (i) => i % 4 === 0],
    ['regularized = TRUE', (i) => i % 6 === 0],
    ['regularized', (i) => i % 6 === 0],
    ['orientation_deg IS NULL', (i) => i % 3 !== 0],
    ['orientation_deg / 2 + 1 > 10', (i) => i % 3 === 0 && i > 18],
    ['orientation_deg / 0 > 1', () => false],
    ['S_INTERSECTS(geometry, BBOX(3.2, 0.5, 7.1, 3))', (i) => i >= 3 && i <= 7],
    ['S_WITHIN(geometry, POLYGON((-1 -1, 5.2 -1, 5.2 2, -1 2, -1 -1)))', (i) => i <= 4],
    ['S_DISJOINT(geometry, POLYGON((-1 -1, 5.2 -1, 5.2 2, -1 2, -1 -1)))', (i) => i > 5],
    ["T_AFTER(mapped_at, DATE('2020-01-01'))", () => true],
    ["T_INTERSECTS(mapped_at, INTERVAL('..', '2020-01-01'))", () => false],
    ["model = 'm' AND (area_m2 > 1e9 OR length_m IS NULL)", () => true],
  ])('%s', async (text, keep) => {
    expect(await found(text)).toEqual(those(keep));
  });

  test("numbers too large to multiply are the client's", async () => {
    await expect(found('area_m2 * 1e300 * 1e300 > 0')).rejects.toThrow('too large');
  });

  test.each([
    ['score', false],
    ['score', true],
    ['orientation_deg', false],
    ['orientation_deg', true],
    ['class', true],
  ])('sorted by %s (descending: %s), every feature stands on one page', async (property, descending) => {
    const whole = await queryItems(db, collection, { limit: 100, sort: [{ property, descending }] });
    const ids: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await queryItems(db, collection, { limit: 7, after, sort: [{ property, descending }] });
      ids.push(...page.features.map(({ id }) => id));
      if (page.next === null) break;
      after = page.next;
    }
    expect(ids).toEqual(whole.features.map(({ id }) => id));
    expect(new Set(ids).size).toBe(40);
    const values = whole.features.map(
      ({ properties }) => (properties as unknown as Record<string, number | undefined>)[property],
    );
    const present = values.filter((value) => value !== undefined);
    expect(values.slice(0, present.length)).toEqual(present);
    const ordered = present.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    expect(present).toEqual(descending ? ordered.reverse() : ordered);
  });

  test.each(['geometry', 'regularized', 'nothing', '__proto__'])('cannot be sorted by %s', async (property) => {
    await expect(queryItems(db, collection, { limit: 1, sort: [{ property, descending: false }] })).rejects.toThrow(
      'sorted',
    );
  });
});
