/** The loop of `planimeter watch`: look, write down what has landed, map the first of it, look again. */
import { setTimeout as pause } from 'node:timers/promises';
import { noRoomOf } from '../../errors/no-room.ts';
import { PROBLEMS, Problem } from '../../errors/problem.ts';
import type { MappingTools } from '../../server/tools.ts';
import { WrongCall } from '../arguments.ts';
import { foundText } from '../output.ts';
import { createProgressBar } from '../progress.ts';
import { oneLine } from '../terminal.ts';
import { noticeOf } from './deliver.ts';
import type { Arrival, Ledger, Mapped } from './ledger.ts';
import { forget, type Mapping, mapArrival } from './map-arrival.ts';
import type { Found, Look, Watched } from './watched.ts';

/** With nothing to do. */
const IDLE_MS = 200;
/** Of the time, at most, goes by with looking. */
const LOOKING = 0.1;
/** Of work that fails for a reason that may pass: half an hour, and half a minute of what is to end soon. */
const [MOST_ATTEMPTS, MOST_ATTEMPTS_ONCE] = [6, 3];
const [FIRST_PAUSE_MS, PAUSES_GROW] = [5000, 4];
const LONGEST_PAUSE_MS = 5 * 60_000;

interface How {
  /** Ends when all that is there was mapped. */
  once: boolean;
  /** What comes of an image is printed as JSON. */
  json: boolean;
  /** Whether somebody is to be told. */
  telling: boolean;
}

/** Until it is interrupted. Resolves with how many failed. Rejects where the place cannot be looked at and only one look was wanted. */
export async function watchOn(
  tools: MappingTools,
  { watched, ledger }: { watched: Watched; ledger: Ledger },
  mapping: Mapping,
  { once, json, telling }: How,
  signal: AbortSignal,
): Promise<number> {
  const { place } = watched;
  const bar = process.stderr.isTTY ? createProgressBar() : null;
  let look: Look = { whole: [], unfinished: [] };
  let lookAtMs = 0;
  let blind = false;
  let failures = 0;
  while (!signal.aborted) {
    const startMs = performance.now();
    if (startMs >= lookAtMs) {
      try {
        look = await watched.look();
        if (blind) process.stderr.write(`${oneLine(place)} can be looked at again\n`);
        blind = false;
      } catch (error) {
        if (once) throw error;
        if (!blind)
          process.stderr.write(`warning: ${oneLine(place)} cannot be looked at: ${problemOf(error).message}\n`);
        blind = true;
      }
      ledger.note(place, look.whole);
      const endMs = performance.now();
      lookAtMs = endMs + Math.max(watched.lookMs, (endMs - startMs) / LOOKING);
    }
    const next = blind ? null : firstOf(ledger, place, look);
    if (next) await take(next);
    else if (once && !blind && look.unfinished.length === 0 && ledger.counts(place).waiting === 0) break;
    else await rest(IDLE_MS, signal);
  }
  return failures;

  async function take({ arrival, found }: { arrival: Arrival; found: Found | null }): Promise<void> {
    const { seq, name } = arrival;
    const context = {
      signal,
      progress: ({ stage, share }: { stage: string; share: number }) => bar?.update(`${oneLine(name)} ${stage}`, share),
    };
    try {
      if (!found) throw new Problem('not_found', `"${name}" is not there any more.`);
      const came = await mapArrival(tools, { watched, ledger }, { arrival, found }, mapping, context);
      bar?.end();
      if (!came) {
        lookAtMs = 0;
        return await rest(IDLE_MS, signal);
      }
      const { sha256, result, again } = came;
      const notice = noticeOf(arrival, sha256, { result });
      ledger.mapped(seq, sha256, result, telling ? notice : null);
      await forget(mapping, arrival);
      process.stdout.write(json ? `${notice.body}\n` : mappedLine(name, result, again));
    } catch (error) {
      bar?.end();
      if (signal.aborted) return;
      const problem = problemOf(error);
      const most = problem.code === 'no_room' ? Number.POSITIVE_INFINITY : once ? MOST_ATTEMPTS_ONCE : MOST_ATTEMPTS;
      if (mayPass(problem) && arrival.attempts + 1 < most) {
        const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * PAUSES_GROW ** arrival.attempts);
        ledger.postpone(seq, problem.toJSON(), Date.now() + pauseMs);
        process.stderr.write(`warning: ${oneLine(name)}: ${problem.message} It is tried again.\n`);
        return;
      }
      failures++;
      const notice = noticeOf(arrival, null, { problem: problem.toJSON() });
      ledger.failed({ seq, version: found?.version ?? null }, problem.toJSON(), telling ? notice : null);
      if (json) process.stdout.write(`${notice.body}\n`);
      process.stderr.write(`${oneLine(name)} failed: ${problem.message}\n`);
    }
  }
}

/** The first that is to be mapped: one that is there as it was written down, or one that is not there any more. */
function firstOf(
  ledger: Ledger,
  place: string,
  { whole, unfinished }: Look,
): { arrival: Arrival; found: Found | null } | null {
  const found = new Map(whole.map((each) => [each.name, each]));
  const coming = new Set(unfinished);
  for (const arrival of ledger.waiting(place, Date.now())) {
    const there = found.get(arrival.name);
    if (there?.version === arrival.version) return { arrival, found: there };
    if (!there && !coming.has(arrival.name)) return { arrival, found: null };
  }
  return null;
}

export const rest = (ms: number, signal: AbortSignal): Promise<void> =>
  pause(ms, undefined, { signal }).catch(() => {});

/** Whatever was thrown, as what is stored and told. */
function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const { message } = error as Error;
  if (error instanceof WrongCall) return new Problem('bad_request', `${message}.`);
  return noRoomOf(error) ?? new Problem('internal', `${message}.`, { cause: error });
}

/** What has changed since it was listed is listed anew. */
const mayPass = ({ code }: Problem): boolean =>
  ['remote_unreachable', 'remote_changed'].includes(code) || PROBLEMS[code][0] >= 500;

function mappedLine(name: string, { output, counts }: Mapped, again: boolean): string {
  const what = again ? 'the same image' : foundText(counts);
  return `${oneLine(name)} → ${oneLine(output)}: ${what}\n`;
}
