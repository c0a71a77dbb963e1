/**
 * Lanes for work that may take long, such as sums by zones, filters and exports: a few requests at a time of one caller,
 * and of all together. The rest is refused at once, so that nothing piles up behind it.
 */
import type { Request, RequestHandler, Response } from 'express';
import { Problem } from '../../../errors/problem.ts';
import type { Caller } from '../../operations/caller.ts';
import type { Limits } from '../../operations/quotas.ts';
import type { ConfinedDatabase } from '../../store/database/database.ts';
import { tooSlow } from '../../store/database/statement-time.ts';

const RETRY_AFTER_S = 5;

export interface HeavyLanes {
  /**
   * Takes a lane, of a token or a share link; returns what gives it back. Links leave half of all lanes to others.
   * Throws Problem too_many_heavy where there is none.
   */
  enter(caller: Pick<Caller, 'id' | 'job'>): () => void;
}

export function createHeavyLanes({ heavyRequests, heavyRequestsOfOne }: Limits): HeavyLanes {
  const underWay = new Map<string, number>();
  const mostOfLinks = Math.ceil(heavyRequests / 2);
  let total = 0;
  let ofLinks = 0;
  return {
    enter({ id, job }) {
      const own = underWay.get(id) ?? 0;
      if (own >= heavyRequestsOfOne) throw full(`${own} requests of yours that take long are under way`);
      if (total >= heavyRequests) throw full(`${total} requests that take long are under way`);
      const link = job === undefined ? 0 : 1;
      if (link && ofLinks >= mostOfLinks) throw full(`${ofLinks} requests by links that take long are under way`);
      underWay.set(id, own + 1);
      total++;
      ofLinks += link;
      return () => {
        total--;
        ofLinks -= link;
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

/** Times of a statement that all of one request's may take together. */
const STATEMENT_TIMES = 4;

/**
 * The database for one heavy request: it begins no statement any more when its time has passed, or nobody waits for the
 * answer. What is unlimited goes on.
 */
export function whileWaitedFor(db: ConfinedDatabase, response: Response, statementSeconds: number): ConfinedDatabase {
  const seconds = STATEMENT_TIMES * statementSeconds;
  const late = performance.now() + seconds * 1000;
  return {
    ...db,
    query: async (sql, params, how) => {
      if (!how?.unlimited && response.destroyed) throw new Problem('conflict', 'Nobody waits for the answer any more.');
      if (!how?.unlimited && performance.now() > late) throw tooSlow(seconds);
      return db.query(sql, params, how);
    },
  };
}

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
