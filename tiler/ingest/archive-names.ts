/**
 * The bytes of names in a ZIP archive become text. The format knows UTF-8 (by a flag or an extra field) and CP437, but
 * most programs write what the system of their user is set to and say nothing of it: then all such names of an archive
 * are read in the one encoding in which they look most like names.
 */

import { crc32 } from 'node:zlib';
import type { Entry } from 'yauzl';

export interface RawName {
  bytes: Buffer;
  /** Where the archive itself says it in UTF-8. */
  utf8: string | null;
}

interface Encoding {
  name: string;
  /** Throws a TypeError where the bytes mean nothing in it. */
  decode(bytes: Uint8Array): string;
  /** The characters beyond ASCII that may stand in a name, in order; a text of several names, one a line. */
  usual(text: string): string[];
  /** How much one of them speaks for this encoding: 2 for those that names are full of, 0 for those seldom written. */
  worth(character: string): number;
}

const CP850_UPPER =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00ad±‗¾¶§÷¸°¨·¹³²■\u00a0';

/** Of two bytes a character; those with lead bytes `from` to `to` are the ones that are often written. */
function eastAsian(name: string, frequent: string, [from, to]: [number, number], usual: RegExp): Encoding {
  const decoder = new TextDecoder(name, { fatal: true });
  const lenient = new TextDecoder(name);
  const often = new Set(frequent);
  const common = new Set<string>();
  for (let lead = from; lead <= to; lead++) {
    const trails = name === 'gbk' || name === 'euc-kr' ? 0xa1 : 0x40;
    for (let trail = trails; trail < 0xff; trail++) common.add(lenient.decode(Uint8Array.of(lead, trail)));
  }
  return {
    name,
    decode: (bytes) => decoder.decode(bytes),
    usual: (text) => text.match(usual) ?? [],
    worth: (character) => (often.has(character) ? 2 : common.has(character) ? 1 : 0),
  };
}

/** Of one byte a character; `usual`: those of words that are written as words are. */
function alphabetic(
  name: string,
  usual: RegExp,
  worth: Encoding['worth'],
  decoder: { decode(bytes: Uint8Array): string } = new TextDecoder(name, { fatal: true }),
): Encoding {
  return {
    name,
    decode: (bytes) => decoder.decode(bytes),
    usual: (text) => (text.match(usual) ?? []).flatMap((word) => [...word]),
    worth,
  };
}

const HAN = /[\p{sc=Han}、。·（）【】《》—－～０-９Ａ-Ｚａ-ｚ]/gu;
const JAPANESE = /[\p{sc=Han}ぁ-んァ-ヶー々〇、。・（）「」～－０-９Ａ-Ｚａ-ｚ]/gu;
const CYRILLIC_WORD = /(?<!\p{L})(?:[А-ЯЁ]?[а-яё]+|[А-ЯЁ]{2,}|[а-яё])(?!\p{L})|№/gu;
const worthOfCyrillic = (letter: string): number => ('оеаинтсрвлкмдпуяОЕАИНТСРВЛКМДПУ'.includes(letter) ? 2 : 1);
/** An accented letter among those of ASCII, capital where its neighbours are. */
const ACCENTED =
  /(?<![^\0-~])(?=[^\0-~])(?:(?<![A-Z]{2})\p{Ll}(?![A-Z])|(?<![A-Za-z])\p{Lu}|(?<![a-z])\p{Lu}(?![a-z]))(?:(?=[A-Za-z])|(?<=[A-Za-z].)(?![^\0-~]))/gu;

const worthOfAccented = (): number => 1.5;

/** Where two fit equally well, the first is taken. */
const ENCODINGS: readonly Encoding[] = [
  eastAsian(
    'gbk',
    '的一是二三四五六七八九十在上中下大小东南西北前后左右年月日第号区图测影像片正射航拍摄无人机卫星遥感数据地块村镇乡街道路县市省州城江河湖海山水林田土农业高新开发工程项目点线面范围成果合并分割原始处理最终版国家组',
    [0xb0, 0xd7],
    HAN,
  ),
  eastAsian(
    'big5',
    '的一是二三四五六七八九十在上中下大小東南西北前後左右年月日第號區圖測影像片正射航拍攝無人機衛星遙感數據資料地塊村鎮鄉街道路縣市省州城江河湖海山水林田土農業高新開發工程專案點線面範圍成果合併分割原始處理最終版國家組臺灣',
    [0xa4, 0xc6],
    HAN,
  ),
  eastAsian(
    'shift_jis',
    'あいうえおかがきくけこさしすそたちっつてでとどなにのはひへまみめもやよらりるれをんアイウエオカガキクグコシスズセタダッテデトドナネノバパフプマムメャュョラリルレロワンー一二三四五六七八九十上中下大小東西南北年月日第号区図測量影像写真正射航空撮衛星画地番町村市県都府道路川山海林田農業工程原始処理最終版全体部分京',
    [0x82, 0x97],
    JAPANESE,
  ),
  eastAsian(
    'euc-kr',
    '이다는에의을가고하지도로한서사기은리자대스시정나어전부인수일과그해소보조여주장상제성아구원라공유미만동무선면안신들국방경군진문영위항공촬강산남북울특별읍촌길호역드론건물샘플논밭숲천하택파트농장',
    [0xb0, 0xc8],
    /\p{sc=Hangul}/gu,
  ),
  alphabetic('ibm866', CYRILLIC_WORD, worthOfCyrillic),
  alphabetic('windows-1251', CYRILLIC_WORD, worthOfCyrillic),
  alphabetic('cp850', ACCENTED, worthOfAccented, {
    decode: (bytes) =>
      Array.from(bytes, (byte) => (byte < 128 ? String.fromCharCode(byte) : CP850_UPPER[byte - 128])).join(''),
  }),
  alphabetic('windows-1252', ACCENTED, worthOfAccented),
];

/** Every byte means something in it, and something different. */
const LAST_RESORT = ENCODINGS.find(({ name }) => name === 'cp850')!;

/** The names, and the encoding that had to be assumed for those that do not say theirs (null: none had to be). */
export function decodeNames(raw: readonly RawName[]): { names: string[]; encoding: string | null } {
  const silent = raw.filter(({ utf8 }) => utf8 === null).map(({ bytes }) => bytes);
  const encoding = silent.every((bytes) => utf8Of(bytes) !== null) ? null : likeliest(silent);
  const names = raw.map(({ bytes, utf8 }) => utf8 ?? (encoding ? encoding.decode(bytes) : utf8Of(bytes)!));
  return { names, encoding: encoding?.name ?? null };
}

const UTF8_FLAG = 0x800;
const UNICODE_PATH = 0x7075;

/** The name of an entry that was opened without decoding its strings. */
export function rawName({ fileNameRaw, generalPurposeBitFlag, extraFields }: Entry): RawName {
  for (const { id, data } of extraFields) {
    // Info-ZIP: of version 1, and written for the name that stands there (APPNOTE.TXT, 4.6.9).
    if (id !== UNICODE_PATH || data.length < 6 || data[0] !== 1) continue;
    if (data.readUInt32LE(1) === crc32(fileNameRaw)) return { bytes: fileNameRaw, utf8: utf8Of(data.subarray(5)) };
  }
  return { bytes: fileNameRaw, utf8: generalPurposeBitFlag & UTF8_FLAG ? utf8Of(fileNameRaw) : null };
}

/** Null where the bytes are not UTF-8. ASCII is. */
function utf8Of(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function likeliest(names: readonly Uint8Array[]): Encoding {
  const readings = ENCODINGS.flatMap((encoding) => {
    const decoded = decodeAll(encoding, names);
    return decoded ? [{ encoding, text: decoded.slice(0, MOST_JUDGED).join('\n') }] : [];
  });
  const backslashes = readings.map(({ text }) => text.split('\\').length - 1);
  // More than in another reading: they are the second bytes of characters rather than separators.
  const fewest = Math.min(...backslashes);
  let best = LAST_RESORT;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const [i, { encoding, text }] of readings.entries()) {
    const score = scoreOf(text, encoding, backslashes[i] - fewest);
    if (score > bestScore) [best, bestScore] = [encoding, score];
  }
  return best;
}

const MOST_JUDGED = 1000;

/** Null where one of them means nothing in it. */
function decodeAll({ decode }: Encoding, names: readonly Uint8Array[]): string[] | null {
  try {
    return names.map(decode);
  } catch {
    return null;
  }
}

/** The mean worth of the characters beyond ASCII: −2 of those that are not usual. */
function scoreOf(text: string, { usual, worth }: Encoding, misplaced: number): number {
  const count = [...text.replace(/[\0-~]/g, '')].length + misplaced;
  const found = usual(text);
  const points = found.reduce((sum, character) => sum + worth(character), 0);
  return (points - 2 * (count - found.length)) / count;
}
