/**
 * Who may do what: a bearer token, or the cookie of a signed-in browser, in; the route's least role held against it.
 * Routes that are not in the table are read by viewers and changed by editors.
 */
import { createHash } from 'node:crypto';
import type { Express, Request, RequestHandler, Response } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { Role } from '../../api/service.ts';
import type { Caller } from '../../operations/caller.ts';
import type { Limits } from '../../operations/quotas.ts';
import type { Database, Queryable } from '../../store/database/database.ts';
import { DEFAULT_WORKSPACE } from '../../store/database/row-level-security.ts';
import { type Share, shareOf } from '../../store/tables/shares.ts';
import { anyToken, type Bearer, bearerOf } from '../../store/tables/tokens.ts';
import { ANYBODY } from './caller.ts';
import { createHeavyLanes, whileWaitedFor } from './heavy-lanes.ts';
import { publicPath } from './public-address.ts';
import type { RateLimits } from './rate-limits.ts';
import { prefersPage } from './request.ts';
import { callerByLink } from './share-links.ts';

type Least = Role | 'anyone';

/**
 * By prefix, matched as Express matches the routes themselves; null is every method. What concerns the whole service is
 * for those of the default workspace alone.
 */
const ROUTES: readonly (readonly [methods: readonly string[] | null, path: string, Least, whole?: 'whole'])[] = [
  [['GET', 'HEAD'], '/health', 'anyone'],
  [['GET', 'HEAD'], '/ready', 'anyone'],
  [['GET', 'HEAD'], '/openapi.json', 'anyone'],
  [null, '/session', 'anyone'],
  [['POST'], '/collections', 'viewer'], // asks with a body, and changes nothing
  [['POST'], '/stac/search', 'viewer'], // so does this
  [['POST', 'DELETE'], '/models', 'admin', 'whole'],
  [['POST'], '/models/:model/teach', 'editor', 'whole'], // what it makes, all workspaces see
  [['GET', 'HEAD'], '/models/:model/:precision.onnx', 'admin', 'whole'], // may be somebody's secret
  [['GET', 'HEAD'], '/metrics', 'viewer', 'whole'],
  [null, '/tokens', 'admin'],
  [null, '/audit', 'admin'],
  [null, '/jobs/:id/shares', 'editor'],
  [null, '/jobs/:id/samples', 'editor'], // who looked at them is not for whoever has a link
];

const READS = ['GET', 'HEAD', 'OPTIONS'];

/** The browser keeps the token here, out of reach of scripts. */
export const COOKIE = 'planimeter_token';

/** A look at the database is good for so long: a revoked token opens nothing after it. */
const REMEMBER_MS = 2000;
const MAX_REMEMBERED = 10_000;

export interface Access {
  /** Null where the token opens nothing. */
  bearer(token: string): Promise<Bearer | null>;
  /** What the bearer of a link sees; null where it opens nothing. */
  share(secret: string): Promise<Share | null>;
  /** Whether a token is needed at all. */
  needed(): Promise<boolean>;
  /** Whether it is the operator's own token for the figures, which is good without the database. */
  opensMetrics(token: string): boolean;
  /** After tokens or links were made or revoked. */
  forget(): void;
}

/**
 * @param own a token of this process alone, for what it asks of itself
 * @param metrics a token that opens /metrics and nothing else
 * @param always whether a token is needed even where there is none: for services that other machines reach
 */
export function createAccess(db: Queryable, always: boolean, own?: string, metrics?: string): Access {
  const remembered = new Map<string, { until: number; value: Promise<unknown> }>();
  const remember = <T>(key: string, look: () => Promise<T>): Promise<T> => {
    const known = remembered.get(key);
    if (known && known.until > performance.now()) return known.value as Promise<T>;
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    const value = look();
    value.catch(() => remembered.delete(key));
    remembered.set(key, { until: performance.now() + REMEMBER_MS, value });
    return value;
  };
  return {
    bearer: async (token) =>
      own !== undefined && hashOf(token) === hashOf(own)
        ? { id: OWN, name: 'this program', role: 'admin', workspace: DEFAULT_WORKSPACE }
        : remember(hashOf(token), () => bearerOf(db, token)),
    share: (secret) => remember(`share ${hashOf(secret)}`, () => shareOf(db, secret)),
    needed: async () => always || remember('needed', () => anyToken(db)),
    opensMetrics: (token) => !!metrics && hashOf(token) === hashOf(metrics),
    forget: () => remembered.clear(),
  };
}

const OWN = 'own';
const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('base64');

/** To be mounted before all routes. */
export function guardRoutes(
  app: Express,
  { access, allWorkspaces, limits }: { access: Access; allWorkspaces: Database; limits: Limits },
  rates: RateLimits,
): void {
  const lanes = createHeavyLanes(limits);
  for (const [methods, path, least, whole] of ROUTES) {
    app.use(path, (request, response, next) => {
      if (methods?.includes(request.method) !== false) Object.assign(response.locals, { least, whole });
      next();
    });
  }
  app.use(guard(access, rates));
  app.use(rates.countRequest);
  app.use((_request, response, next) => {
    const { locals } = response;
    const { caller } = locals;
    const { statementSeconds } = limits;
    if (caller) {
      locals.database = allWorkspaces.within(caller, { statementSeconds });
      locals.enterHeavyLane = () => {
        const leave = lanes.enter(caller);
        const database = allWorkspaces.within(caller, { statementSeconds, heavy: true });
        locals.database = whileWaitedFor(database, response, statementSeconds);
        return leave;
      };
    }
    next();
  });
}

const SCRAPER: Caller = { ...ANYBODY, id: 'metrics', name: 'the scraper', role: 'viewer' };

function guard(access: Access, rates: RateLimits): RequestHandler {
  return async (request, response, next) => {
    const least: Least = response.locals.least ?? (READS.includes(request.method) ? 'viewer' : 'editor');
    if (least === 'anyone') return next();
    const admit = (caller: Caller, admittedStill: () => Promise<boolean>) => {
      Object.assign(response.locals, { caller, admittedStill });
      next();
    };
    if (response.locals.share !== undefined) {
      const look = () => access.share(response.locals.share);
      const caller = await callerByLink(request, response, least, look, rates);
      return caller ? admit(caller, async () => (await look()) !== null) : undefined;
    }
    const { token, signedIn } = tokenOf(request);
    if (token !== null && request.path === '/metrics' && access.opensMetrics(token)) {
      return admit(SCRAPER, async () => true);
    }
    if (!(await access.needed())) return admit(ANYBODY, async () => !(await access.needed()));
    const bearer = token === null ? null : await access.bearer(token);
    if (bearer) {
      if (Role.options.indexOf(bearer.role) < Role.options.indexOf(least)) {
        throw new Problem('not_allowed', `This takes the role ${least}; the token given is a ${bearer.role}'s.`);
      }
      if (response.locals.whole && bearer.workspace !== DEFAULT_WORKSPACE) {
        const detail = `This concerns the whole service: it takes a token of the workspace "${DEFAULT_WORKSPACE}".`;
        throw new Problem('not_allowed', detail);
      }
      const caller = { ...bearer, signedIn, limited: bearer.id !== OWN };
      return admit(caller, async () => (await access.bearer(token!)) !== null);
    }
    if (token !== null) await rates.countWrongToken(request.ip ?? '');
    if (showsPage(request)) return signIn(request, response);
    throw new Problem(
      'unauthorized',
      token === null
        ? 'Send a token: Authorization: Bearer TOKEN. Whoever runs the service makes them ("planimeter tokens create").'
        : 'The token is unknown, expired or revoked.',
    );
  };
}

/** Browsers that open the viewer or another page. */
const showsPage = (request: Request): boolean =>
  /^\/(collections(\/|$)|conformance$|api$|$)/.test(request.path) && prefersPage(request);

function signIn(request: Request, response: Response): void {
  response.set('Cache-Control', 'no-store').redirect(303, publicPath(request, '/session'));
}

/** The token that was sent, and whether by a browser that is signed in. */
function tokenOf({ headers }: Request): { token: string | null; signedIn: boolean } {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '');
  if (bearer) return { token: bearer[1]!, signedIn: false };
  const cookie = (headers.cookie ?? '').split(/; */).find((each) => each.startsWith(`${COOKIE}=`));
  return { token: cookie?.slice(COOKIE.length + 1) || null, signedIn: true };
}
