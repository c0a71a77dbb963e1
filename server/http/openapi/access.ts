/** The paths of tokens, links, sessions and the audit log in OpenAPI 3.0. */
import { content, inPath, inQuery, jobId, json, listOf, operation, plain, schema, uuid } from './parts.ts';

export const accessPaths = {
  '/tokens': {
    get: operation('access', 'The access tokens that are not revoked', { 200: json(listOf(schema('Token'))) }),
    post: {
      ...operation('access', 'Makes a token, which is shown this once', {
        201: json({ allOf: [schema('Token'), { type: 'object', properties: { token: { type: 'string' } } }] }, 'Made'),
      }),
      requestBody: {
        required: true,
        ...content('application/json', {
          type: 'object',
          required: ['name', 'role'],
          properties: {
            name: { type: 'string' },
            role: { type: 'string', enum: ['viewer', 'editor', 'admin'] },
            days: { type: 'number', minimum: 0, description: 'How long it is good for' },
            workspace: { type: 'string', description: "Whose data it opens; the maker's own without" },
          },
        }),
      },
    },
  },
  '/tokens/{id}': {
    parameters: [inPath('id', uuid, 'Id of a token')],
    delete: operation('access', 'Revokes a token', { 204: plain('Revoked') }),
  },
  '/jobs/{id}/shares': {
    parameters: [jobId],
    get: operation('access', 'The links that show this job, without what is secret in them', {
      200: json(listOf(schema('Share'))),
    }),
    post: {
      ...operation('access', 'Makes a link that shows this job to whoever has it; the address is told this once', {
        201: json({ allOf: [schema('Share'), { type: 'object', properties: { url: { type: 'string' } } }] }, 'Made'),
      }),
      requestBody: {
        required: false,
        ...content('application/json', {
          type: 'object',
          properties: { days: { type: 'number', minimum: 0, description: 'How long it is good for' } },
        }),
      },
    },
  },
  '/shares/{id}': {
    parameters: [inPath('id', uuid, 'Id of a link')],
    delete: operation('access', 'Revokes a link', { 204: plain('Revoked') }),
  },
  '/audit': {
    get: {
      ...operation('access', 'What was done by whom, newest first', {
        200: json({
          type: 'object',
          required: ['entries', 'links'],
          properties: { entries: listOf(schema('AuditEntry')), links: listOf(schema('Link')) },
        }),
      }),
      parameters: [
        inQuery('limit', { type: 'integer', minimum: 1, maximum: 1000, default: 100 }, 'Most entries'),
        inQuery('before', { type: 'integer' }, 'Id of an entry; older ones are given'),
        inQuery('workspace', { type: 'string' }, 'Of one workspace'),
      ],
    },
  },
  '/session': {
    get: operation('access', 'The page where browsers sign in', {
      200: { description: 'As asked', ...content('text/html', { type: 'string' }) },
    }),
    post: {
      ...operation('access', 'Signs a browser in: the token goes into a cookie that scripts cannot read', {
        303: plain('To the viewer'),
        401: { description: 'The page again', ...content('text/html', { type: 'string' }) },
      }),
      requestBody: {
        required: true,
        ...content('application/x-www-form-urlencoded', {
          type: 'object',
          required: ['token'],
          properties: { token: { type: 'string' } },
        }),
      },
    },
    delete: operation('access', 'Signs a browser out', { 204: plain('Signed out') }),
  },
};
