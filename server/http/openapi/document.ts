/** The HTTP interface in OpenAPI 3.0, kept beside the routes; a test holds that both name the same ones. */
import { accessPaths } from './access.ts';
import { featurePaths } from './features.ts';
import { jobPaths } from './jobs.ts';
import { modelPaths } from './models.ts';
import { content, formatOrPage, type Json, json, operation, orPage, schema } from './parts.ts';
import { processesPaths } from './processes.ts';
import { scenePaths, uploadPaths } from './scenes.ts';
import { componentSchemas } from './schemas.ts';
import { stacPaths } from './stac.ts';
import { tilePaths } from './tiles.ts';

const servicePaths = {
  '/': {
    get: operation(
      'service',
      'The viewer, or for those who ask for JSON the landing page',
      {
        200: orPage(json(schema('LandingPage'))),
      },
      [formatOrPage],
    ),
  },
  '/health': { get: operation('service', 'Whether the service is well', { 200: json(schema('Health')) }) },
  '/ready': {
    get: operation('service', 'Whether the service can answer now; 503 where it cannot', {
      200: json({ type: 'object', properties: { status: { type: 'string', enum: ['ready'] } } }),
    }),
  },
  '/metrics': {
    get: operation('service', 'Figures for Prometheus', {
      200: { description: 'As asked', ...content('text/plain;version=0.0.4', { type: 'string' }) },
    }),
  },
  '/service': { get: operation('service', 'Version, limits, device', { 200: json(schema('Service')) }) },
  '/openapi.json': {
    get: operation('service', 'This document', {
      200: { description: 'As asked', ...content('application/vnd.oai.openapi+json;version=3.0', { type: 'object' }) },
    }),
  },
};

export function openapiDocument(version: string, address: string) {
  return {
    openapi: '3.0.3',
    info: {
      title: 'Planimeter',
      version,
      description: 'Vector maps of aerial and satellite imagery. Every refusal is problem+json (RFC 9457) with a code.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    servers: [{ url: address }],
    paths: {
      ...servicePaths,
      ...modelPaths,
      ...accessPaths,
      ...uploadPaths,
      ...scenePaths,
      ...jobPaths,
      ...featurePaths,
      ...processesPaths,
      ...stacPaths,
      ...tilePaths,
    } as Record<string, Json>,
    security: [{}, { bearer: [] }],
    components: { schemas: componentSchemas, securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
  };
}
