/** Tells errors that the input is to blame for from those that are ours. */
import { Problem } from '../../../errors/problem.ts';

/** character_not_in_repertoire and untranslatable_character: a zero byte in text, or written `\u0000` in JSON. */
const ZERO_BYTE = ['22021', '22P05'];

/** Problem bad_request for text that PostgreSQL cannot hold; anything else as it came. */
export function asProblem(error: unknown): unknown {
  const { code } = error as { code?: string };
  if (!ZERO_BYTE.includes(code ?? '')) return error;
  return new Problem('bad_request', 'Text must not hold zero bytes: remove them.', { cause: error });
}
