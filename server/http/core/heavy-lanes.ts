/**
 * Lanes for work that may take long, such as sums by zones, filters and exports: a few requests at a time of one caller,
 * and of all together. The rest is refused at once, so that nothing piles up behind it.
 */
import type { Request, RequestHandler, Response } from 'express';
import { Problem } from '../../../errors/problem.ts';
import type { Caller } from '../../operations/caller.ts';
import type { Limits } from '../../operations/quotas.ts';

const RETRY_AFTER_S = 5;

export interface HeavyLanes {
  /**
   * Takes a lane, of a token or a share link; returns what gives it back. Throws Problem too_many_heavy where there is
   * none.
   */
  enter(caller: Pick<Caller, 'id'>): () => void;
}

export function createHeavyLanes({ heavyRequests, heavyRequestsOfOne }: Limits): HeavyLanes {
  const underWay = new Map<string, number>();
  let total = 0;
  return {
    enter({ id }) {
      const own = underWay.get(id) ?? 0;
      if (own >= heavyRequestsOfOne) throw full(`${own} requests of yours that take long are under way`);
      if (total >= heavyRequests) throw full(`${total} requests that take long are under way`);
      underWay.set(id, own + 1);
      total++;
      return () => {
        total--;
        const left = underWay.get(id)! - 1;
        if (left > 0) underWay.set(id, left);
        else underWay.delete(id);
      };
    },
  };
}

const full = (what: string) =>
  new Problem('too_many_heavy', `${what}, as many as there may be: wait for one to end, and ask again.`, {
    retryAfterSeconds: RETRY_AFTER_S,
  });

type Handler = (request: Request, response: Response) => unknown;

/**
 * A route's handler that takes a lane and asks the database as heavy work does. The lane is held until the handler's
 * promise has settled, so whether the client stays or goes, for as long as its work goes on.
 * @param when which of the route's requests are heavy; all without
 */
export function heavy(handler: Handler, when: (request: Request) => boolean = () => true): RequestHandler {
  return async (request, response) => {
    if (!when(request)) {
      await handler(request, response);
      return;
    }
    const leave: () => void = response.locals.enterHeavyLane();
    try {
      await handler(request, response);
    } finally {
      leave();
    }
  };
}
