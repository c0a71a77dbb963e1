/** Tells errors that the input is to blame for from those that are ours. */
import { Problem } from '../../../errors/problem.ts';

/** character_not_in_repertoire and untranslatable_character: a zero byte in text, or written `\u0000` in JSON. */
const ZERO_BYTE = ['22021', '22P05'];

/** data_corrupted, index_corrupted, and undefined_file: a file of the database is gone. */
const DAMAGE = ['XX001', 'XX002', '58P01'];

/** Problem bad_request for text that PostgreSQL cannot hold, damaged for what it cannot read; anything else as it came. */
export function asProblem(error: unknown): unknown {
  const { code } = error as { code?: string };
  if (DAMAGE.includes(code ?? '')) {
    const detail =
      'The database holds something that cannot be read any more. "planimeter doctor --deep" says what it is, and with ' +
      '--repair makes again what can be made again; else restore a backup.';
    return new Problem('damaged', detail, { cause: error });
  }
  if (!ZERO_BYTE.includes(code ?? '')) return error;
  return new Problem('bad_request', 'Text must not hold zero bytes: remove them.', { cause: error });
}
