/** Words in which people write degrees and the points of the compass, whatever the page's language; the longest first. */
export const COMPASS_WORDS: readonly (readonly [word: string, sign: string])[] = [
  ['北纬', 'N'],
  ['南纬', 'S'],
  ['东经', 'E'],
  ['西经', 'W'],
  ['北緯', 'N'],
  ['南緯', 'S'],
  ['東經', 'E'],
  ['西經', 'W'],
  ['NORTH', 'N'],
  ['SOUTH', 'S'],
  ['EAST', 'E'],
  ['WEST', 'W'],
  ['度', '°'],
  ['分', "'"],
  ['秒', '"'],
  ['，', ','],
];
