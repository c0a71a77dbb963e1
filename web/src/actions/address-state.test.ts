import { afterEach, expect, test, vi } from 'vitest';
import { inAddress, writeToAddress } from '../address.ts';
import { readPositions } from './address-state.ts';

afterEach(() => vi.unstubAllGlobals());

test('positions are read back, and what is none is left out', () => {
  expect(readPositions('15.4,48.39;15.41,48.4')).toEqual([
    [15.4, 48.39],
    [15.41, 48.4],
  ]);
  expect(readPositions('15.4,95;x,1;1;1,2,3;,;-170,0')).toEqual([[-170, 0]]);
  expect(readPositions(null)).toEqual([]);
});

test('a part of the address changes, and the others stay letter by letter', () => {
  const page = { hash: '#map=17.2/48.38/15.41&scene=ab', pathname: '/', search: '' };
  vi.stubGlobal('location', page);
  vi.stubGlobal('history', {
    state: null,
    replaceState: (_state: null, _: string, hash: string) => (page.hash = hash),
  });
  writeToAddress('find', 'A & B = 50 %+, 1/2');
  expect(page.hash.startsWith('#map=17.2/48.38/15.41&scene=ab&find=')).toBe(true);
  expect(inAddress('find')).toBe('A & B = 50 %+, 1/2');
  writeToAddress('scene', null);
  writeToAddress('find', null);
  expect(page.hash).toBe('#map=17.2/48.38/15.41');
  writeToAddress('map', null);
  expect(page.hash).toBe('/');
});
