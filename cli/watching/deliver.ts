/** Tells a receiver what became of images, in order, each until it says that it has it. */
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Problem, type ProblemJson } from '../../errors/problem.ts';
import { sendWebhook, type Webhook } from '../../server/remote/webhook.ts';
import type { Arrival, Ledger, Mapped, Notice } from './ledger.ts';

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 3600_000;
/** With pauses that double, about three days. */
const MOST_ATTEMPTS = 84;
const LOOK_MS = 500;
const AT_A_TIME = 50;

const pauseAfter = (attempts: number): number => Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempts);

type Outcome = { result: Mapped } | { problem: ProblemJson };

/** By which the receiver knows it again: always the same for the same bytes under the same name and the same outcome. */
export function noticeOf(
  { place, name, seq, version, arrived_at }: Arrival,
  sha256: string | null,
  outcome: Outcome,
): Notice {
  const type = 'result' in outcome ? 'image.mapped' : 'image.failed';
  const id = `img_${createHash('sha256')
    .update(JSON.stringify([place, name, sha256 ?? version, type]))
    .digest('hex')
    .slice(0, 32)}`;
  const said = 'result' in outcome ? outcome.result : { problem: outcome.problem };
  const data = { key: id, seq, name, sha256, arrived_at, ...said };
  return { id, body: JSON.stringify({ type, timestamp: new Date().toISOString(), data }) };
}

/** Until it is interrupted. */
export async function deliverAll(ledger: Ledger, webhook: Webhook, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const delivery of ledger.due(Date.now(), AT_A_TIME)) {
      if (signal.aborted) return;
      try {
        await sendWebhook(webhook, delivery, signal);
        ledger.delivered(delivery.id);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof Problem)) throw error;
        const attempts = delivery.attempts + 1;
        const given = attempts >= MOST_ATTEMPTS;
        if (attempts === 1 || given) {
          const then = given ? 'It is given up; --retry tries again.' : 'It is tried again.';
          process.stderr.write(`warning: ${error.message} ${then}\n`);
        }
        ledger.undelivered(delivery.id, error.message, given ? null : Date.now() + pauseAfter(delivery.attempts));
      }
    }
    await pause(LOOK_MS, undefined, { signal }).catch(() => {});
  }
}
