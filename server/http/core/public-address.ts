/**
 * Under which address clients reach the service, which differs from where it listens as soon as a proxy stands in front:
 * its scheme, its host, and the path below which it passes requests on, with or without taking that path off.
 */
import { isIP } from 'node:net';
import type { Request, RequestHandler } from 'express';
import { Problem } from '../../../errors/problem.ts';

export interface PublicAddress {
  /** As the proxy's clients name it, without a slash at the end; null: as each request says. */
  url: string | null;
  /** Whose word on scheme, host, path and client is taken: addresses, networks, or `loopback`. */
  trustedProxies: string[];
}

const PATH = /^(\/[\w.~%-]+)+$/;

/** PLANIMETER_PUBLIC_URL and PLANIMETER_TRUSTED_PROXIES. Throws Problem bad_request. */
export function readPublicAddress(env: NodeJS.ProcessEnv): PublicAddress {
  const { PLANIMETER_PUBLIC_URL: url, PLANIMETER_TRUSTED_PROXIES: proxies } = env;
  const trustedProxies = (proxies || 'loopback').split(',').map((each) => each.trim());
  const unknown = trustedProxies.find((each) => !isNetwork(each));
  if (unknown !== undefined) {
    throw new Problem(
      'bad_request',
      `PLANIMETER_TRUSTED_PROXIES is a list of addresses and networks with commas, such as 10.0.0.0/8, not "${unknown}".`,
    );
  }
  return { url: url ? checkUrl(url) : null, trustedProxies };
}

function isNetwork(text: string): boolean {
  const [, address = '', length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0) return ['loopback', 'linklocal', 'uniquelocal'].includes(text);
  return length === undefined || Number(length) <= (version === 4 ? 32 : 128);
}

function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const path = url?.pathname.replace(/\/+$/, '') ?? '';
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username || (path && !PATH.test(path))) {
    throw new Problem(
      'bad_request',
      `PLANIMETER_PUBLIC_URL is where clients reach the service, such as https://maps.example.com/planimeter, not "${text}".`,
    );
  }
  return url.origin + path;
}

/** Where others than this machine may reach it, by its own address or through a proxy. */
export const LOOPBACK_NAME = /^(localhost|[^.]+\.localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i;

export const isForOthers = (host: string, { url }: PublicAddress): boolean =>
  !LOOPBACK_NAME.test(host) || (url !== null && !LOOPBACK_NAME.test(new URL(url).hostname));

/**
 * To be mounted before everything else: notes the path that lies in front of ours, by the setting or by a trusted proxy's
 * X-Forwarded-Prefix, and takes it off where the proxy has not.
 */
export function unmount({ url }: PublicAddress): RequestHandler {
  const set = url ? new URL(url).pathname.replace(/\/$/, '') : null;
  return (request, response, next) => {
    const mount = set ?? forwardedPrefix(request);
    response.locals.mount = mount;
    response.locals.publicUrl = url;
    const [path, query] = request.url.split('?', 2);
    if (mount !== '' && path === mount) {
      return response.redirect(308, `${mount}/${query === undefined ? '' : `?${query}`}`);
    }
    if (mount !== '' && request.url.startsWith(`${mount}/`)) {
      request.url = request.url.slice(mount.length);
      request.originalUrl = request.url;
    }
    next();
  };
}

function forwardedPrefix(request: Request): string {
  const prefix = request.get('X-Forwarded-Prefix')?.replace(/\/+$/, '') ?? '';
  const isTrusted = request.app.get('trust proxy fn') as (address: string, hop: number) => boolean;
  return PATH.test(prefix) && isTrusted(request.socket.remoteAddress ?? '', 0) ? prefix : '';
}

/**
 * The address under which the client reached us, for the absolute links that OGC and TileJSON clients need; of who came by
 * a link with that link's secret, since everything else is closed to them.
 */
export function publicAddress(request: Request): string {
  const { mount, publicUrl, share } = localsOf(request);
  const front = publicUrl ?? `${request.protocol}://${request.host}${mount}`;
  return share === undefined ? front : `${front}/shared/${share}`;
}

/** A path of ours as browsers have to ask for it. */
export function publicPath(request: Request, path: string): string {
  const { mount, share } = localsOf(request);
  return `${mount}${share === undefined ? '' : `/shared/${share}`}${path}`;
}

/** Whether the way from the client to us, or to the proxy in front, is encrypted. */
export function isEncrypted(request: Request): boolean {
  return request.secure || (localsOf(request).publicUrl?.startsWith('https:') ?? false);
}

/** Whether it is the service's own pages that send this `Origin`. */
export function isOwnOrigin(request: Request, origin: string): boolean {
  const { publicUrl } = localsOf(request);
  if (!URL.canParse(origin)) return false;
  return new URL(origin).host === request.host || (publicUrl !== null && new URL(publicUrl).origin === origin);
}

function localsOf(request: Request): { mount: string; publicUrl: string | null; share: string | undefined } {
  const locals: Partial<ReturnType<typeof localsOf>> = request.res?.locals ?? {};
  return { mount: locals.mount ?? '', publicUrl: locals.publicUrl ?? null, share: locals.share };
}
