/**
 * What people type or paste as a position → candidates: degrees in any usual notation, UTM, MGRS, an EPSG code with
 * coordinates. Where a notation can be read in two ways, both are given, the usual one first.
 */
import { toPoint } from 'mgrs';
import { COMPASS_WORDS } from '../messages/compass-words.ts';

export type Candidate =
  | { kind: 'degrees'; lon: number; lat: number; notation: 'degrees' | 'MGRS' }
  /** To be brought to degrees by the service; x is the easting. */
  | { kind: 'system'; epsg: number; x: number; y: number; notation: string };

/** @param sceneEpsg of the scene that is open: two large numbers alone are taken for its coordinates */
export function readCoordinates(text: string, sceneEpsg: number | null = null): Candidate[] {
  const plain = inLetters(text);
  return (
    [readEpsg, readMgrs, readUtm, readDegrees, (plain: string) => readBare(plain, sceneEpsg)]
      .map((read) => read(plain))
      .find((found) => found.length > 0) ?? []
  );
}

/** Capital letters, straight signs, the compass as N, E, S and W, and decimal points. */
function inLetters(text: string): string {
  let plain = text.normalize('NFKC').toUpperCase().trim();
  for (const [word, sign] of COMPASS_WORDS) plain = plain.replaceAll(word, ` ${sign} `);
  plain = plain
    .replace(/[º˚]/g, '°')
    .replace(/[’‘′´`]/g, "'")
    .replace(/[”“″]|''/g, '"')
    .replace(/[−–]/g, '-')
    .replace(/\s+/g, ' ')
    .trim();
  const decimalCommas = /^([-+]?\d{1,3}),(\d+)(°? ?[NSEW]?)(?: ?; ?| )([-+]?\d{1,3}),(\d+)(°? ?[NSEW]?)$/;
  return plain.replace(decimalCommas, '$1.$2$3 $4.$5$6');
}

const NUMBER = '([-+]?\\d+(?:\\.\\d+)?)';
const BETWEEN = '[ ,;:/]+';
const EPSG_FIRST = new RegExp(`^(?:URN:OGC:DEF:CRS:)?EPSG:{0,2} ?(\\d{4,6})${BETWEEN}${NUMBER}${BETWEEN}${NUMBER}$`);
const EPSG_LAST = new RegExp(`^${NUMBER}${BETWEEN}${NUMBER}${BETWEEN}\\(?EPSG: ?(\\d{4,6})\\)?$`);

function readEpsg(plain: string): Candidate[] {
  const first = EPSG_FIRST.exec(plain);
  const last = first ? null : EPSG_LAST.exec(plain);
  const [epsg, x, y] = first ? first.slice(1) : last ? [last[3], last[1], last[2]] : [];
  return epsg === undefined ? [] : [system(Number(epsg), Number(x), Number(y), `EPSG:${epsg}`)];
}

const MGRS = /^\d{1,2} ?[C-HJ-NP-X] ?[A-HJ-NP-Z]{2} ?(\d{1,5} \d{1,5}|\d*)$/;

function readMgrs(plain: string): Candidate[] {
  const [, digits] = MGRS.exec(plain) ?? [];
  if (digits === undefined) return [];
  const [east, north] = digits.split(' ');
  if (north === undefined ? digits.length % 2 === 1 : east!.length !== north.length) return [];
  try {
    const [lon, lat] = toPoint(plain.replaceAll(' ', ''));
    return inRange(lon, lat) ? [{ kind: 'degrees', lon, lat, notation: 'MGRS' }] : [];
  } catch {
    return []; // no square of that name in that zone
  }
}

const METRES = '(\\d{5,8}(?:\\.\\d+)?) ?M?';
const ZONE = '(?:ZONE )?(\\d{1,2}) ?([C-HJ-NP-X])';
const UTM_FIRST = new RegExp(`^(?:UTM )?${ZONE},? ${METRES} ?E?,? ${METRES} ?N?$`);
const UTM_LAST = new RegExp(`^${METRES} ?E?,? ${METRES} ?N?,? (?:UTM )?${ZONE}$`);

/** The letter is a latitude band or, of N and S, a hemisphere: S is the band of the Mediterranean as well. */
function readUtm(plain: string): Candidate[] {
  const first = UTM_FIRST.exec(plain);
  const last = first ? null : UTM_LAST.exec(plain);
  const [zoneText, letter, x, y] = first ? first.slice(1) : last ? [last[3], last[4], last[1], last[2]] : [];
  const zone = Number(zoneText);
  if (letter === undefined || zone < 1 || zone > 60) return [];
  const of = (south: boolean) =>
    system((south ? 32700 : 32600) + zone, Number(x), Number(y), `UTM ${zone}${south ? 'S' : 'N'}`);
  return letter === 'S' ? [of(true), of(false)] : [of(letter < 'N')];
}

/** Two numbers that are no degrees, where a scene says what they are. */
function readBare(plain: string, epsg: number | null): Candidate[] {
  const [, x, y] = new RegExp(`^${NUMBER}${BETWEEN}${NUMBER}$`).exec(plain) ?? [];
  return x === undefined || epsg === null ? [] : [system(epsg, Number(x), Number(y), `EPSG:${epsg}`)];
}

const system = (epsg: number, x: number, y: number, notation: string): Candidate => {
  return { kind: 'system', epsg, x, y, notation };
};

const TOKEN = /[-+]?\d+(?:\.\d+)?|[NSEW]/g;

/** Degrees, with minutes and seconds or without; latitude first where no letter says it. */
function readDegrees(plain: string): Candidate[] {
  const tokens = plain.match(TOKEN) ?? [];
  if (plain.replace(TOKEN, '').replace(/[°'",;:/ ]/g, '') !== '') return [];
  const letters = tokens.filter((token) => /[NSEW]/.test(token));
  if (letters.length === 0) {
    if (![2, 4, 6].includes(tokens.length)) return [];
    const [a, b] = [tokens.slice(0, tokens.length / 2), tokens.slice(tokens.length / 2)].map(angle) as [number, number];
    return [degrees(b, a), degrees(a, b)].filter(
      ({ lon, lat }, i) => inRange(lon, lat) && (i === 0 || (a !== b && tokens.length === 2)),
    );
  }
  if (letters.length !== 2) return [];
  const groups = groupsOf(tokens);
  const north = groups.find(([letter]) => /[NS]/.test(letter));
  const east = groups.find(([letter]) => /[EW]/.test(letter));
  if (!north || !east) return [];
  const signed = ([letter, numbers]: Group) => {
    const value = angle(numbers);
    return letter === 'S' || letter === 'W' ? -value : value;
  };
  const found = degrees(signed(east), signed(north));
  return inRange(found.lon, found.lat) ? [found] : [];
}

type Group = readonly [letter: string, numbers: readonly string[]];

/** Numbers with the letter before or behind them. */
function groupsOf(tokens: readonly string[]): Group[] {
  const before = /[NSEW]/.test(tokens[0]!);
  const groups: [string, string[]][] = [];
  let numbers: string[] = [];
  for (const token of tokens) {
    if (!/[NSEW]/.test(token)) numbers.push(token);
    else {
      if (before) numbers = [];
      groups.push([token, numbers]);
      if (!before) numbers = [];
    }
  }
  return groups;
}

/** Degrees of one to three numbers; NaN where minutes or seconds are none, or only the last may have decimals. */
function angle(numbers: readonly string[]): number {
  const [whole = Number.NaN, minutes = 0, seconds = 0] = numbers.map(Number);
  const fractionEarly = numbers.slice(0, -1).some((each) => each.includes('.'));
  const outside = minutes < 0 || minutes >= 60 || seconds < 0 || seconds >= 60;
  if (numbers.length > 3 || fractionEarly || outside) return Number.NaN;
  const sign = numbers[0]?.startsWith('-') ? -1 : 1;
  return whole + sign * (minutes / 60 + seconds / 3600);
}

const degrees = (lon: number, lat: number) => ({ kind: 'degrees', lon, lat, notation: 'degrees' }) as const;
const inRange = (lon: number, lat: number): boolean => Math.abs(lon) <= 180 && Math.abs(lat) <= 90;
