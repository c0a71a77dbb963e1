/** Names in archives come out as they were written, whatever the program that wrote them took for granted. */
import { describe, expect, test } from 'vitest';
import { encode } from '../../test/support/generated/zip.ts';
import { decodeNames } from './archive-names.ts';

const raw = (bytes: Uint8Array, utf8: string | null = null) => ({ bytes: Buffer.from(bytes), utf8 });

describe.each<[string, string[]]>([
  ['gbk', ['测区一.tif', '测区二.tif']],
  ['gbk', ['誠信.tif']],
  ['gbk', ['正射影像/杭州市余杭区.tif', '正射影像/杭州市余杭区.tfw']],
  ['gbk', ['无人机航拍2024.tif']],
  ['big5', ['測區一.tif', '測區二.prj']],
  ['big5', ['臺北市正射影像.tif']],
  ['big5', ['許功蓋.tif']],
  ['shift_jis', ['空中写真.tif']],
  ['shift_jis', ['東京都オルソ画像.tif', '東京都オルソ画像.tfw']],
  ['shift_jis', ['表示ソース.tif']],
  ['euc-kr', ['정사영상.tif']],
  ['euc-kr', ['서울특별시 강남구.tif']],
  ['ibm866', ['Снимок.tif', 'Снимок.tfw']],
  ['windows-1251', ['Участок 12.tif']],
])('%s: %j', (encoding, names) => {
  test('is told from the others', () => {
    const decoded = decodeNames(names.map((name) => raw(encode(name, encoding))));
    expect(decoded).toEqual({ names, encoding });
  });
});

test('Western names are those of the code pages of DOS and Windows', () => {
  const dos = (name: number[]) => raw(Buffer.from([...name, ...Buffer.from('.tif')]));
  expect(decodeNames([dos([0x4d, 0x81, 0x6e, 0x63, 0x68, 0x65, 0x6e])])).toEqual({
    names: ['München.tif'],
    encoding: 'cp850',
  });
  expect(decodeNames([dos([0x53, 0xc6, 0x6f])])).toEqual({ names: ['São.tif'], encoding: 'cp850' });
  const windows = raw(Buffer.from('Orléans été.tif', 'latin1'));
  expect(decodeNames([windows])).toEqual({ names: ['Orléans été.tif'], encoding: 'windows-1252' });
});

test('UTF-8 needs no flag, and names that say it themselves are not guessed', () => {
  expect(decodeNames([raw(Buffer.from('測区一.tif'))])).toEqual({ names: ['測区一.tif'], encoding: null });
  expect(decodeNames([raw(Buffer.from('a.tif'), '测区.tif'), raw(encode('测区.prj', 'gbk'))])).toEqual({
    names: ['测区.tif', '测区.prj'],
    encoding: 'gbk',
  });
});

test('different bytes stay different names, whatever they are', () => {
  const names = Array.from({ length: 128 }, (_, i) => raw(Buffer.from([0x80 + i, 0x2e, 0x74, 0x69, 0x66])));
  expect(new Set(decodeNames(names).names).size).toBe(names.length);
});
