/** How fast one caller may ask, and how often one address may try tokens that open nothing. */
import type { RequestHandler } from 'express';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { Problem } from '../../../errors/problem.ts';
import type { Caller } from '../../operations/caller.ts';
import type { Limits } from '../../operations/quotas.ts';

const MINUTE_S = 60;

export interface RateLimits {
  /** After the guard: counts what a caller asks. Throws Problem rate_limited. */
  countRequest: RequestHandler;
  /** Counts a token that opens nothing, before that is said; throws Problem rate_limited from the first too many on. */
  countWrongToken(address: string): Promise<void>;
}

export function createRateLimits({ requestsAMinute, wrongTokensAMinute }: Limits): RateLimits {
  const requests = new RateLimiterMemory({ points: requestsAMinute, duration: MINUTE_S });
  const wrongTokens = new RateLimiterMemory({ points: wrongTokensAMinute, duration: MINUTE_S });
  return {
    countRequest: async (request, { locals }, next) => {
      const caller: Caller | undefined = locals.caller;
      if (caller?.limited) {
        const who = caller.job === undefined ? caller.id : `${caller.id} ${request.ip}`;
        await consume(requests, who, `More than ${requestsAMinute} requests in a minute: ask more slowly.`);
      }
      next();
    },
    countWrongToken: (address) =>
      consume(wrongTokens, address, 'Too many tokens from this address opened nothing: wait before trying another.'),
  };
}

async function consume(limiter: RateLimiterMemory, key: string, detail: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (refused) {
    if (!(refused instanceof RateLimiterRes)) throw refused;
    throw new Problem('rate_limited', detail, { retryAfterSeconds: Math.ceil(refused.msBeforeNext / 1000) });
  }
}
