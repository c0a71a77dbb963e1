/** Labels that people bring: what is meant by a class, and what cannot be used is said with the number of the label. */
import { expect, test } from 'vitest';
import { readNewClasses } from './new-classes.ts';
import { readLabels } from './read-labels.ts';

const CLASSES = ['other', 'building', 'road'].map((name, value) => ({ name, value }));
const feature = (properties: object | null, geometry: object = { type: 'Point', coordinates: [5, 50] }) => ({
  ...{ type: 'Feature', properties, geometry },
});
const read = (...features: object[]) => readLabels({ type: 'FeatureCollection', features }, CLASSES);
const refusal = (...features: object[]) => {
  try {
    read(...features);
  } catch (error) {
    return error;
  }
  throw new Error('it was read');
};

test.each([
  ['building', [1]],
  ['Building', [1]],
  [2, [2]],
  ['2', [2]],
  ['not road', [0, 1]],
  ['!other', [1, 2]],
])('class %s allows %s', (said, allowed) => {
  expect(read(feature({ class: said }))[0]!.allowed).toEqual(allowed);
});

test('strokes have widths; classes are found in the columns that programs write', () => {
  const line = {
    type: 'LineString',
    coordinates: [
      [5, 50],
      [5.1, 50],
    ],
  };
  const labels = read(feature({ label: 'road', width_m: 4.5 }, line), feature({ class: null, class_name: 'other' }));
  expect(labels.map(({ widthMetres }) => widthMetres)).toEqual([4.5, null]);
});

test('degrees are taken, also where the file says so; another system is refused with what turns it', () => {
  const labels = (name: string) => ({
    ...{ type: 'FeatureCollection', crs: { type: 'name', properties: { name } }, features: [feature({ class: 1 })] },
  });
  expect(readLabels(labels('urn:ogc:def:crs:OGC:1.3:CRS84'), CLASSES)).toHaveLength(1);
  expect(readLabels(labels('EPSG:4326'), CLASSES)).toHaveLength(1);
  expect(() => readLabels(labels('urn:ogc:def:crs:EPSG::32633'), CLASSES)).toThrow('ogr2ogr -t_srs EPSG:4326');
});

test.each([
  [[feature({})], 'number 1, the attribute "class" is missing; it is one of other, building, road'],
  [
    [feature({ class: 1 }), feature({ class: 'pool' })],
    'number 2, the class "pool" is none of other, building, road; name a new one with --class pool=',
  ],
  [[feature({ class: 1, width_m: -1 })], 'number 1, "width_m" is a width in metres'],
  [
    [
      feature(
        { class: 1 },
        {
          type: 'Polygon',
          coordinates: [
            [
              [0, 0],
              [1, 1],
              [1, 0],
              [0, 1],
              [0, 0],
            ],
          ],
        },
      ),
    ],
    'number 1, it crosses itself',
  ],
  [
    [feature({ class: 1 }, { type: 'GeometryCollection', geometries: [] })],
    'number 1, "GeometryCollection" is no Point',
  ],
  [[], 'there are none'],
])('%#: what cannot be used is said', (features, sentence) => {
  expect(refusal(...(features as object[]))).toMatchObject({
    code: 'labels_unusable',
    message: expect.stringContaining(sentence as string),
  });
});

test('new classes', () => {
  const known = CLASSES.map((each) => ({ ...each, color: '#000000' }));
  expect(readNewClasses(['pool=#3af:object', 'rubble', 'bare soil=#A0B0C0'], known)).toEqual([
    { name: 'pool', color: '#33aaff' },
    { name: 'rubble', color: null },
    { name: 'bare soil', color: '#a0b0c0' },
  ]);
  for (const wrong of ['pool=blue', 'pool=#3af:thing', '=#fff', 'pool=#33aaf']) {
    expect(() => readNewClasses([wrong], known)).toThrow('NAME=COLOUR:ROLE');
  }
  expect(() => readNewClasses(['Road'], known)).toThrow('has a class "Road" already');
  expect(() => readNewClasses(['a', 'A'], known)).toThrow('already');
});
