/** Whatever is wrong with a body is said in a sentence of ours, which names what was expected. */
import { expect, test } from 'vitest';
import type { z } from 'zod';
import { Problem } from '../../errors/problem.ts';
import { ReviewRequest } from './features.ts';
import { JobParameters } from './job-parameters.ts';
import { JobRequest, ProofRequest } from './jobs.ts';
import { Execute } from './processes.ts';
import { RemoteSceneRequest, SceneChanges } from './scenes.ts';
import { check } from './schema.ts';
import { ShareRequest, TokenRequest } from './service.ts';
import { StacSearch } from './stac.ts';

const id = '3f2b8c1e-5d4a-4b6f-9e7d-1a2b3c4d5e6f';

test.each<[string, z.ZodType, Record<string, unknown>, string[]]>([
  ['a job', JobRequest, { scene: id }, ['scene', 'model', 'parameters', 'priority']],
  ['parameters', JobParameters, {}, Object.keys(JobParameters.shape)],
  ['a proof', ProofRequest, {}, ['seed', 'windows']],
  ['a token', TokenRequest, { name: 'a', role: 'viewer' }, ['name', 'role', 'days', 'workspace']],
  ['a link', ShareRequest, {}, ['days']],
  ['an image elsewhere', RemoteSceneRequest, { url: 'https://a' }, ['url', 'srs', 'name', 'license', 'attribution']],
  ['a scene', SceneChanges, {}, ['name', 'license', 'attribution']],
  ['a review', ReviewRequest, {}, ['review']],
  ['a search', StacSearch, {}, Object.keys(StacSearch.shape)],
  ['an execution', Execute, { inputs: {} }, ['inputs', 'outputs', 'response']],
])('%s', (_, schema, fitting, members) => {
  const wrong = [
    null,
    0,
    -1,
    1.5,
    Number.POSITIVE_INFINITY,
    '',
    'x'.repeat(1000),
    true,
    [],
    [null],
    [{}],
    {},
    { a: 1 },
  ];
  const bodies = [
    ...wrong,
    { zz: 1 },
    ...members.flatMap((name) => wrong.map((value) => ({ ...fitting, [name]: value }))),
  ];
  for (const body of bodies) {
    const error = refusal(schema, body);
    if (error !== null) expect(error.message, JSON.stringify(body)).not.toMatch(/^(Invalid|Too|Unrecognized|Expected)/);
  }
});

test.each<[string, z.ZodType]>([
  ...Object.entries(JobParameters.shape).filter(([name]) => name !== 'aoi'),
  ...Object.entries(StacSearch.shape).filter(([name]) => name !== 'intersects'),
])('%s, however deeply nested', (_, schema) => {
  const nested: unknown = JSON.parse(`${'['.repeat(400_000)}${']'.repeat(400_000)}`);
  for (const value of [nested, [nested]]) expect(refusal(schema, value)?.code).toBe('bad_request');
});

function refusal(schema: z.ZodType, body: unknown): Problem | null {
  try {
    check(schema, body);
    return null;
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}
