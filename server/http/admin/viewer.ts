/** The built viewer at `/`, the API reference at `/api`, and for those who ask for JSON the landing page of the interface (OGC API – Common). */
import { join } from 'node:path';
import express, { Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { PageQuery } from '../../api/features.ts';
import type { Link } from '../../api/index.ts';
import { readQuery } from '../../api/query.ts';
import type { AppContext } from '../core/app-context.ts';
import { publicAddress } from '../core/public-address.ts';
import { noQuery } from '../core/request.ts';
import { landingHtml } from '../ogc-features/collection-pages.ts';

export function viewerRouter({ viewerFolder }: Pick<AppContext, 'viewerFolder'>): Router {
  const router = Router();

  router.get('/', (request, response) => {
    readQuery(PageQuery, request.query);
    response.vary('Accept');
    const wantsJson = request.query.f === 'json' || request.accepts(['json', 'html']) === 'json';
    const page = landingPage(publicAddress(request), viewerFolder !== null);
    if (request.query.f === 'html' || (viewerFolder === null && !wantsJson)) {
      return landingHtml(request, response, page.links);
    }
    if (viewerFolder === null || wantsJson) {
      response.json(page);
      return;
    }
    response.set('Cache-Control', 'no-cache');
    response.sendFile(join(viewerFolder, 'index.html'), { dotfiles: 'allow' });
  });

  router.get('/api', (request, response) => {
    noQuery(request);
    if (viewerFolder === null) {
      throw new Problem('not_found', 'The page is not built; /openapi.json has what it shows.');
    }
    response.set('Cache-Control', 'no-cache');
    response.sendFile(join(viewerFolder, 'api.html'), { dotfiles: 'allow' });
  });

  if (viewerFolder !== null) {
    // Vite puts a hash of the content into the names below assets/.
    const assets = { index: false, immutable: true, maxAge: '1y', redirect: false } as const;
    router.use('/assets', express.static(join(viewerFolder, 'assets'), assets));
    router.use(express.static(viewerFolder, { index: false, redirect: false }));
  }
  return router;
}

function landingPage(address: string, isBuilt: boolean) {
  const link = (rel: string, path: string, type: string, title: string): Link => {
    return { rel, href: `${address}${path}`, type, title };
  };
  const openapi = 'application/vnd.oai.openapi+json;version=3.0';
  return {
    title: 'Planimeter',
    description: 'Vector maps of aerial and satellite imagery: buildings, roads, vegetation and water.',
    links: [
      link('self', '/', 'application/json', 'This page'),
      link('alternate', '/', 'text/html', 'The viewer'),
      link('service-desc', '/openapi.json', openapi, 'The interface, described in OpenAPI 3.0'),
      ...(isBuilt ? [link('service-doc', '/api', 'text/html', 'The interface, as a page to read and try out')] : []),
      link('conformance', '/conformance', 'application/json', 'Conformance classes'),
      link('data', '/collections', 'application/json', 'Collections of features'),
      link('http://www.opengis.net/def/rel/ogc/1.0/processes', '/ogc/processes', 'application/json', 'Processes'),
      link('child', '/stac', 'application/json', 'Scenes and class maps as a STAC API'),
    ],
  };
}
