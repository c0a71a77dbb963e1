/** The paths of tokens, links, sessions and the audit log in OpenAPI 3.0. */
import { z } from 'zod';
import { ListQuery, Paged } from '../../api/query.ts';
import { id } from '../../api/schema.ts';
import {
  Audit,
  AuditQuery,
  NewShare,
  NewToken,
  Share,
  ShareRequest,
  SignIn,
  Token,
  TokenRequest,
} from '../../api/service.ts';
import { Located } from '../../api/uploads.ts';
import { asText, body, inPath, jobId, json, jsonBody, operation, plain } from './parts.ts';

export const accessPaths = {
  '/tokens': {
    get: operation('access', 'listTokens', 'The access tokens that are not revoked', {
      query: ListQuery,
      200: json(z.array(Token), 'OK', Paged),
    }),
    post: operation('access', 'makeToken', 'Makes a token, which is shown this once', {
      body: jsonBody(TokenRequest),
      201: json(NewToken, 'Made', Located),
    }),
  },
  '/tokens/{id}': {
    parameters: [inPath('id', id, 'Id of a token')],
    delete: operation('access', 'revokeToken', 'Revokes a token', { 204: plain('Revoked') }),
  },
  '/jobs/{id}/shares': {
    parameters: [jobId],
    get: operation('access', 'listShares', 'The links that show this job, without what is secret in them', {
      query: ListQuery,
      200: json(z.array(Share), 'OK', Paged),
    }),
    post: operation('access', 'shareJob', 'Makes a link that shows this job to whoever has it', {
      description: 'The address is told this once. It shows the job alone, read-only, until the link expires.',
      body: jsonBody(ShareRequest, false),
      201: json(NewShare, 'Made'),
    }),
  },
  '/shares/{id}': {
    parameters: [inPath('id', id, 'Id of a link')],
    delete: operation('access', 'revokeShare', 'Revokes a link', { 204: plain('Revoked') }),
  },
  '/audit': {
    get: operation('access', 'readAudit', 'What was done by whom, newest first', {
      query: AuditQuery,
      200: json(Audit),
    }),
  },
  '/session': {
    get: operation('access', 'showSignIn', 'The page where browsers sign in', { 200: asText('text/html') }),
    post: operation('access', 'signIn', 'Signs a browser in', {
      description: 'The token goes into a cookie that scripts cannot read.',
      body: body('application/x-www-form-urlencoded', SignIn),
      303: plain('To the viewer'),
      401: asText('text/html', 'The page again'),
    }),
    delete: operation('access', 'signOut', 'Signs a browser out', { 204: plain('Signed out') }),
  },
};
