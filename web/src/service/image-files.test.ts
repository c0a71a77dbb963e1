import { expect, test } from 'vitest';
import { groupFiles, packed, refuseEarly } from './image-files.ts';

const TIFF = 'II*\0 and so on';
const file = (name: string, content = TIFF) => new File([content], name, { lastModified: 1e12 });
const grouped = (...names: string[]) => {
  const { images, strays } = groupFiles(names.map((name) => file(name)));
  return [
    ...images.map(({ image, sidecars }) => [image.name, ...sidecars.map(({ name }) => name)]),
    ...strays.map(({ detail }) => detail),
  ];
};

test('each image is one, with what lies beside it, whatever the case and the order', () => {
  expect(grouped('a.tif', 'b.TIFF', 'c.zip')).toEqual([['a.tif'], ['b.TIFF'], ['c.zip']]);
  expect(grouped('A.TFW', 'a.prj', 'a.tif.aux.xml', 'a.tif', 'b.tif', 'b.tif.msk')).toEqual([
    ['a.tif', 'A.TFW', 'a.prj', 'a.tif.aux.xml'],
    ['b.tif', 'b.tif.msk'],
  ]);
  expect(grouped('town.tif', 'town.tif.ovr', 'town.aux.xml')).toEqual([['town.tif', 'town.aux.xml']]);
  expect(grouped('a.b.tif', 'a.tfw', 'a.b.tfw')).toEqual([
    ['a.b.tif', 'a.b.tfw'],
    '“a.tfw” describes an image that is not there. Choose it together with its image, such as a.tif.',
  ]);
  expect(grouped('b.tif.aux.xml')).toEqual([
    '“b.tif.aux.xml” describes an image that is not there. Choose it together with its image, such as b.tif.',
  ]);
});

test('what is no image, or too large, is refused by name before it is sent', async () => {
  const refused = async (image: File, limit = 1e6, sidecars: File[] = []) => {
    const message = await refuseEarly({ image, sidecars }, limit);
    return message && [message.code, message.detail.includes(image.name)];
  };
  expect(await refused(file('a.tif'))).toBeNull();
  expect(await refused(file('notes.pdf', '%PDF'))).toEqual(['not_a_tiff', true]);
  expect(await refused(file('a.tif'), 20, [file('a.tfw', '0.5 0 0 -0.5')])).toEqual(['too_large', true]);
  const folder = Object.assign(file('folder'), { slice: () => ({ arrayBuffer: () => Promise.reject(new Error()) }) });
  expect(await refused(folder as unknown as File)).toEqual(['not_a_tiff', true]);
});

test('an image with files beside it is one archive, the same each time', async () => {
  const image = file('a.tif');
  expect(await packed({ image, sidecars: [] })).toBe(image);
  const archive = () => packed({ image, sidecars: [file('a.tfw', '0.5 0 0 -0.5')] });
  const [first, second] = [await archive(), await archive()];
  expect([first.name, first.type, first.lastModified]).toEqual(['a.tif', 'application/zip', 1e12]);
  expect((await first.text()).slice(0, 2)).toBe('PK');
  expect(await first.text()).toBe(await second.text());
});
