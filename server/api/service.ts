/** The JSON of the service itself, and of who may do what with it. */
import { z } from 'zod';
import { links } from './common.ts';
import { queryLimit, queryText, queryWhole } from './query.ts';
import { body, count, flag, id, text, time } from './schema.ts';

export const Role = z
  .enum(['viewer', 'editor', 'admin'])
  .meta({ description: 'Looks; uploads, runs and deletes, too; adds networks and tokens, too', example: 'editor' });
export type Role = z.infer<typeof Role>;

const DeviceChoice = text.meta({ description: 'What was asked for', example: 'auto' });
export const Device = z.object({
  chosen: DeviceChoice,
  name: text.nullable().meta({
    description: 'Where networks run; null until `auto` has found it out with the first job',
    example: 'cpu',
  }),
  fallback_nodes: count
    .nullable()
    .describe("Nodes of the last job's network that ran elsewhere; null before the first job"),
});
export type DeviceJson = z.input<typeof Device>;

export const Health = z.object({ status: z.literal('ok'), device: Device }).meta({ id: 'Health' });
export const Ready = z.object({ status: z.literal('ready') }).meta({ id: 'Ready' });

const Caller = z.object({
  name: text,
  workspace: text.meta({ example: 'default' }),
  role: Role,
  signed_in: flag.describe('By the cookie of a browser, so that they can sign out'),
  job: id.nullable().meta({ description: 'The only job that they see, where they came by a link', example: null }),
});
export type CallerJson = z.input<typeof Caller>;

export const Service = z
  .object({
    name: z.literal('planimeter'),
    version: text.meta({ example: '0.1.0' }),
    database: z.enum(['pglite', 'postgresql']),
    device: DeviceChoice,
    limits: z.object({ upload_bytes: count.meta({ example: 17_179_869_184 }) }),
    basemap: text.nullable().meta({ description: 'A MapLibre style URL, where one is configured', example: null }),
    remote_imagery: flag.describe('Whether images elsewhere can be scenes: POST /scenes'),
    caller: Caller,
  })
  .meta({ id: 'Service' });
export type ServiceJson = z.input<typeof Service>;

/** `usual`: where nothing is said. */
const days = (what: string, usual: number, most: number) => {
  const error = `"days" is how long the ${what} is good for, up to ${most}.`;
  const schema = z.number({ error }).gt(0, { error }).max(most, { error });
  return schema.default(usual).describe('How long it is good for');
};
const workspaceError =
  '"workspace" is a name of small letters, digits and hyphens, 63 at most, that begins with a letter or a digit.';
const workspaceName = z
  .string({ error: workspaceError })
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, { error: workspaceError })
  .meta({ example: 'default' });

const MAX_NAME = 100;
const nameError = `"name" says whose token it is, in one line of at most ${MAX_NAME} characters.`;

export const Token = z
  .object({
    id,
    name: text.meta({ example: 'survey office' }),
    workspace: text.meta({ example: 'default' }),
    role: Role,
    created_at: time,
    expires_at: time.nullable(),
  })
  .meta({ id: 'Token' });
export type TokenJson = z.input<typeof Token>;

export const NewToken = Token.extend({
  token: text.meta({ description: 'The token itself, which is told this once', example: 'planimeter_…' }),
}).meta({ id: 'NewToken' });

export const TokenRequest = body(
  {
    name: z
      .string({ error: nameError })
      .max(MAX_NAME, { error: nameError })
      .refine((name) => name.trim() !== '' && !/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(name), { error: nameError })
      .meta({ example: 'survey office' }),
    role: z.enum(Role.options, { error: `"role" is one of ${Role.options.join(', ')}.` }).meta({ example: 'editor' }),
    days: days('token', 365, 36_500),
    workspace: workspaceName.nullish().describe("Whose data it opens; the maker's own without"),
  },
  {
    other: 'A token is asked for with a JSON object, such as {"name": "survey office", "role": "editor"}.',
    stray: () => 'A token has "name", "role", "days" and "workspace", nothing else.',
  },
).meta({ id: 'TokenRequest' });

/** A link by which anybody sees one job. */
export const Share = z
  .object({ id, job: id, created_by: text, created_at: time, expires_at: time })
  .meta({ id: 'Share', description: 'A link by which anybody sees one job' });
export type ShareJson = z.input<typeof Share>;

export const NewShare = Share.extend({
  url: text.meta({
    description: 'The address with its secret, which is told this once',
    format: 'uri',
    example: 'http://localhost:8080/shared/SECRET/',
  }),
}).meta({ id: 'NewShare' });

export const ShareRequest = body(
  { days: days('link', 30, 3650) },
  {
    other: 'A link is asked for with a JSON object, such as {"days": 30}.',
    stray: () => 'A link has "days", nothing else.',
  },
).meta({ id: 'ShareRequest' });

const AuditEntry = z
  .object({
    id: count,
    at: time,
    workspace: text,
    actor: text.describe('Name of the token, or how else it came about'),
    action: z.enum([
      'token_made',
      'token_revoked',
      'scene_added',
      'scene_changed',
      'scene_remade',
      'scene_deleted',
      'feature_reviewed',
      'labels_added',
      'label_removed',
      'model_taught',
      'job_started',
      'job_cancelled',
      'job_deleted',
      'sample_drawn',
      'sample_answered',
      'sample_deleted',
      'share_made',
      'share_revoked',
    ]),
    subject: text.describe('Id of what it was done to'),
    details: z
      .object({
        name: text,
        role: Role,
        expires_at: time.nullable(),
        bytes: count.nullable(),
        license: text.nullable(),
        attribution: text.nullable(),
        scene: id,
        job: id,
        model: text,
        pixels: count.describe('Of the image'),
        features: count,
        labels: count,
        scenes: z.array(id),
        files: z.record(text, count).describe('Removed ones, counted by their kind'),
        collection: text,
        review: text.nullable(),
        points: count.describe('Of a sample'),
        point: count.describe('Number of a point'),
        class: text.nullable().describe('What was seen at a point; null: cannot tell'),
      })
      .partial()
      .describe('Those that fit the action'),
  })
  .meta({ id: 'AuditEntry' });
export type AuditJson = z.input<typeof AuditEntry>;
export type AuditAction = AuditJson['action'];
export const Audit = z.object({ entries: z.array(AuditEntry), links }).meta({ id: 'Audit' });

export const AuditQuery = z.object({
  limit: queryLimit(100, 1000, 'Most entries'),
  before: queryWhole(0, 1e15, () => '"before" is the id of an entry.', 'Id of an entry; older ones are given'),
  workspace: queryText('Of one workspace', 'default'),
});
/** What a browser signs in with. */
export const SignIn = z
  .object({ token: z.string({ error: 'Send the form field "token".' }).meta({ example: 'planimeter_…' }) })
  .meta({ id: 'SignIn' });
/** The OpenAPI document itself. */
export const Description = z.looseObject({
  openapi: z.literal('3.0.3'),
  info: z.object({ title: text, version: text }),
});
