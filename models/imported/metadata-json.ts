/** Reading what people write as JSON, where anything may be anything. */
import type { NetworkMetadata, Task } from './network-metadata.ts';

export type Json = Record<string, unknown>;

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const number = (value: unknown): number | undefined => {
  const read = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof read === 'number' && Number.isFinite(read) ? read : undefined;
};
export const numbers = (value: unknown): number[] | undefined => {
  const list = Array.isArray(value) ? value.map(number) : [];
  return list.length > 0 && list.every((each) => each !== undefined) ? list : undefined;
};
export const positive = (value: unknown): number | undefined => {
  const read = number(value);
  return read !== undefined && read > 0 ? read : undefined;
};

/** NetworkMetadata without the undefined ones. */
export const told = (facts: { [K in keyof NetworkMetadata]: NetworkMetadata[K] | undefined }): NetworkMetadata =>
  Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const TASK_WORDS: readonly [RegExp, Task][] = [
  [
    /super.?res|enhanc|restor|denois|dehaz|derain|debl+ur|low.?light|inpaint|coloriz|image.?to.?image|translation/i,
    'super-resolution',
  ],
  [/recogni|embed|similarity|retrieval/i, 'recognition'],
  [/regress|depth|height|elevation|densit|counting|estimat|biomass/i, 'regression'],
  [/detect|instance/i, 'detection'],
  [/segment|pixel|semantic/i, 'segmentation'],
  [/classif/i, 'classification'],
];

/** Esri calls segmentation "ImageClassification" and classification "ObjectClassification". */
export const taskOf = (words: unknown): Task | undefined =>
  typeof words === 'string' ? TASK_WORDS.find(([pattern]) => pattern.test(words))?.[1] : undefined;

/** Statistics of pixels in 0..1 or in 0..255: those of the first have no mean above 1 but for black images. */
export const unitOrByte = (mean: number[], deviation: number[]): NetworkMetadata => ({
  divisor: Math.max(...mean) <= 1 && Math.max(...deviation) <= 1 ? 255 : 1,
  mean,
  deviation,
});
