/** What classes are drawn as: said, or read off their names in many languages; what nobody knows is a finding. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addedNetwork } from '../../test/support/networks/added-network.ts';
import { writeOnnx } from '../../test/support/networks/onnx-writer.ts';
import { type ClassRole, roleOf, roleOfName } from '../class-roles.ts';
import { roleMetadata } from './collect-metadata.ts';

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-roles-'));
  path = join(folder, 'three.onnx');
  await writeFile(
    path,
    writeOnnx({
      nodes: [
        { op: 'Conv', inputs: ['x', 'w'], outputs: ['z'] },
        { op: 'Softmax', inputs: ['z'], outputs: ['y'], attributes: { axis: 1 } },
      ],
      constants: { w: { dims: [3, 3, 1, 1], values: [1, -1, 2, 3, 1, -2, 1, 1, 1] } },
      inputs: [{ name: 'x', dims: [1, 3, 64, 64] }],
      outputs: [{ name: 'y', dims: [1, 3, 64, 64] }],
    }),
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const added = (names: string[], roles?: string) =>
  addedNetwork(path, { said: { classes: names.map((name, value) => ({ name, value })), ...roleMetadata(roles) } });

const KNOWN: [string, ClassRole][] = [
  ['Building footprints', 'building'],
  ['building_footprint', 'building'],
  ['建筑物', 'building'],
  ['建物', 'building'],
  ['건물', 'building'],
  ['GEBÄUDE', 'building'],
  ['bâtiments', 'building'],
  ['edificación', 'building'],
  ['Здания', 'building'],
  ['مباني', 'building'],
  ['Çatı', 'building'],
  ['道路', 'road'],
  ['Straße', 'road'],
  ['đường', 'road'],
  ['дорога', 'road'],
  ['Bäume', 'vegetation'],
  ['forêt', 'vegetation'],
  ['水体', 'water'],
  ['Gewässer', 'water'],
  ['água', 'water'],
  ['_background', 'background'],
  ['Фон', 'background'],
];

test.each(KNOWN)('"%s" is %s', (name, role) => {
  expect(roleOfName(name)).toBe(role);
});

test.each(['homebuilding', 'watermelon', '建筑工地', 'no building', 'roadside', 'class 1', ''])(
  '"%s" is nothing that is known',
  (name) => expect(roleOfName(name)).toBeNull(),
);

test('classes in Chinese are drawn as what they are, without a finding', async () => {
  const { network, understanding } = await added(['背景', '建筑物', '水体']);
  expect(network.classes.map(roleOf)).toEqual(['background', 'building', 'water']);
  expect(network.classes[1].color).toBe('#e0604c');
  expect(understanding.findings.map(({ code }) => code)).not.toContain('classes_without_role');
});

test('a class that nothing is known of is a finding until its role is said', async () => {
  const finding = async (roles?: string) =>
    (await added(['a', 'b', 'c'], roles)).understanding.findings.find(({ code }) => code === 'classes_without_role');
  expect(await finding()).toMatchObject({ severity: 'warning', message: expect.stringContaining('no buildings') });
  expect((await finding('b=building'))?.message).not.toContain('buildings');
  expect(await finding('b=building,2=road')).toBeUndefined();
  const { network } = await added(['a', 'b', 'c'], 'b=building,2=road');
  expect(network.classes.map(roleOf)).toEqual([null, 'building', 'road']);
});

test('what is said wins over names, and what cannot be is refused', async () => {
  const { network } = await added(['other', 'building', 'roofs of sheds'], 'building=background,2=building');
  expect(network.classes.map(roleOf)).toEqual(['background', 'background', 'building']);
  await expect(added(['a', 'b', 'c'], 'd=building')).rejects.toMatchObject({ code: 'bad_request' });
  await expect(added(['a', 'b', 'c'], 'a=road,b=road')).rejects.toMatchObject({ code: 'bad_request' });
  expect(() => roleMetadata('a=house')).toThrow('one of background');
});
