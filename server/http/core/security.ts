/**
 * What every answer says to browsers, and which requests are not answered: those that a foreign page makes a browser
 * send (a foreign `Origin`), those that reach a loopback service under a foreign name (DNS rebinding), and those that
 * leave open which host is meant.
 */
import type { RequestHandler } from 'express';
import { Problem, type ProblemCode } from '../../../errors/problem.ts';
import { isOwnOrigin, LOOPBACK_NAME } from './public-address.ts';

/** The code of what a foreign page made a browser ask. */
export const FOREIGN_REQUEST = 'forbidden' satisfies ProblemCode;

const HOST = /^([\w.-]*|\[[\da-f:.]+\])(:\d*)?$/i;

/** @param basemap a style URL, whose host the viewer may then also speak to */
export function securityHeaders(basemap: string | null): RequestHandler {
  const host = basemap && URL.canParse(basemap) ? ` ${new URL(basemap).origin}` : '';
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    // MapLibre starts its worker from a blob, or from our own file, depending on the build.
    "worker-src 'self' blob:",
    "style-src 'self'",
    "font-src 'self'",
    `img-src 'self' blob: data:${host}`,
    `connect-src 'self'${host}`,
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  const headers = {
    'Content-Security-Policy': policy,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  };
  return (_request, response, next) => {
    response.set(headers);
    next();
  };
}

/** @param allowedHosts names beside loopback ones under which the service may be called; 'any' when others guard it */
export function guardHost(allowedHosts: readonly string[] | 'any'): RequestHandler {
  return (request, _response, next) => {
    const { host: hosts = [''] } = request.headersDistinct;
    if (hosts.length > 1 || !HOST.test(hosts[0]!))
      throw new Problem('bad_request', 'Send one Host header, with a host in it.');
    // Whoever stands in front may have looked at another host than the one that is named here.
    if (!request.originalUrl.startsWith('/') && request.originalUrl !== '*') {
      throw new Problem('bad_request', 'Ask for a path of this host, such as "/scenes", not for a whole address.');
    }
    const name = hostName(hosts[0]!);
    if (allowedHosts !== 'any' && !LOOPBACK_NAME.test(name) && !allowedHosts.includes(name)) {
      throw new Problem(FOREIGN_REQUEST, 'The service does not answer under this host name; name it when starting it.');
    }
    next();
  };
}

/** Browsers send `Origin` with every request that changes something; other clients send none. */
export const guardOrigin: RequestHandler = (request, _response, next) => {
  const reads = request.method === 'GET' || request.method === 'HEAD' || request.method === 'OPTIONS';
  const foreign = request.headers.origin !== undefined && !isOwnOrigin(request, request.headers.origin);
  if (!reads && (foreign || request.headers['sec-fetch-site'] === 'cross-site')) {
    throw new Problem(FOREIGN_REQUEST, 'Pages of other sites may not change anything here.');
  }
  next();
};

function hostName(host: string): string {
  return host.replace(/:\d*$/, '').toLowerCase();
}
