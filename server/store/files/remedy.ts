/** What can be done about a damaged file, by what it is. */
import { Problem } from '../../../errors/problem.ts';

export type Remedy = 'original' | 'working_copy' | 'job' | 'export';

export function remedyOf(key: string): Remedy {
  if (/^scenes\/[^/]+\/working\./.test(key)) return 'working_copy';
  if (/^jobs\/[^/]+\/(exports|tiles)\//.test(key)) return 'export';
  return /^jobs\//.test(key) ? 'job' : 'original';
}

const ADVICE: Record<Remedy, string> = {
  original: 'Nothing here can make it again: upload the same file once more, and it takes its place.',
  working_copy: 'It can be made again from the original: POST /scenes/ID/retry, or planimeter doctor --deep --repair.',
  job: 'The job can make it again: POST /jobs/ID/retry, or planimeter doctor --deep --repair.',
  export: 'It is made again the next time that somebody asks for it.',
};

/** In words, with the id of whose file it is. */
export const adviceOn = (key: string): string => ADVICE[remedyOf(key)].replace('ID', key.split('/')[1] ?? key);

export const damagedFile = (key: string, damage: string): Problem =>
  new Problem('damaged', `The stored file ${key} is damaged: ${damage}. ${adviceOn(key)}`);
