/** The HTTP interface in OpenAPI 3.0, kept beside the routes; a test holds that both name the same ones. */
import { LandingPage, Problem } from '../../api/common.ts';
import { PageQuery } from '../../api/features.ts';
import { Description, Health, Ready, Service } from '../../api/service.ts';
import { accessPaths } from './access.ts';
import { componentSchemas, exampleOf, type Json } from './convert.ts';
import { featurePaths } from './features.ts';
import { jobPaths } from './jobs.ts';
import { modelPaths } from './models.ts';
import { asText, json, operation, orPage, special } from './parts.ts';
import { processesPaths } from './processes.ts';
import { samplePaths } from './samples.ts';
import { coordinatePaths, scenePaths, uploadPaths } from './scenes.ts';
import { stacPaths } from './stac.ts';
import { tilePaths } from './tiles.ts';

const servicePaths = {
  '/': {
    get: operation('service', 'readLanding', 'The viewer, or for those who ask for JSON the landing page', {
      query: PageQuery,
      200: orPage(json(LandingPage)),
    }),
  },
  '/health': {
    get: operation('service', 'readHealth', 'Whether the process answers, whatever else does not', {
      200: json(Health),
    }),
  },
  '/ready': {
    get: operation('service', 'readReady', 'Whether the service can answer now; 503 where it cannot', {
      200: json(Ready),
    }),
  },
  '/metrics': {
    get: operation('service', 'readMetrics', 'Figures for Prometheus', { 200: asText('text/plain;version=0.0.4') }),
  },
  '/service': {
    get: operation('service', 'readService', 'Version, limits, device', { 200: json(Service) }),
  },
  '/api': { get: operation('service', 'readReference', 'This document as a page', { 200: asText('text/html') }) },
  '/openapi.json': {
    get: operation('service', 'readDescription', 'This document', {
      200: special('application/vnd.oai.openapi+json;version=3.0', Description),
    }),
  },
};

const TAGS = {
  service: 'The service itself',
  models: 'Networks',
  access: 'Tokens, links, sessions and the audit log',
  uploads: 'Images on their way (tus 1.0)',
  scenes: 'Images',
  jobs: 'Networks run over images',
  accuracy: 'Samples of maps, and how good these are',
  features: 'What was found (OGC API – Features)',
  processes: 'Jobs for generic clients (OGC API – Processes)',
  stac: 'Scenes and class maps (STAC API)',
  tiles: 'Maps to look at',
};

const paths: Record<string, Json> = {
  ...servicePaths,
  ...modelPaths,
  ...accessPaths,
  ...uploadPaths,
  ...coordinatePaths,
  ...scenePaths,
  ...jobPaths,
  ...samplePaths,
  ...featurePaths,
  ...processesPaths,
  ...stacPaths,
  ...tilePaths,
};

interface Document extends Json {
  paths: Record<string, Json>;
  components: { schemas: Record<string, Json>; responses: Record<string, Json>; securitySchemes: Json };
}

let made: Document | undefined;

export function openapiDocument(version: string, address: string): Document {
  made ??= withExamples({
    openapi: '3.0.3',
    info: {
      title: 'Planimeter',
      version,
      description: 'Vector maps of aerial and satellite imagery. Every refusal is problem+json (RFC 9457) with a code.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    security: [{}, { bearer: [] }],
    components: {
      schemas: componentSchemas(),
      responses: { Problem: special('application/problem+json', Problem, 'Why it was refused') },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
    },
  });
  return { ...made, info: { ...made.info, version }, servers: [{ url: address }] };
}

/** Every body and answer of JSON with an example. */
function withExamples(document: Document): Document {
  const { schemas, responses } = document.components;
  const add = (body: Json | undefined, brief: boolean) => {
    for (const [type, media] of Object.entries<Json>(body?.content ?? {})) {
      if (/json|form|event-stream/.test(type)) media.example = exampleOf(media.schema, schemas, brief);
    }
  };
  for (const operation of Object.values(document.paths).flatMap((item): Json[] => Object.values(item))) {
    add(operation.requestBody, true);
    for (const answer of Object.values<Json>(operation.responses ?? {})) add(answer, false);
  }
  for (const answer of Object.values(responses)) add(answer, false);
  return document;
}
