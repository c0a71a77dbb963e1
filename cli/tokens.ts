/** `planimeter tokens create|list|revoke`: who may use the service. */
import { join } from 'node:path';
import type { Database } from '../server/store/database/database.ts';
import { openDatabase } from '../server/store/database/open-database.ts';
import { record } from '../server/store/tables/audit.ts';
import { createToken, pageOfTokens, revokeToken } from '../server/store/tables/tokens.ts';
import {
  DATA_OPTION,
  JSON_OPTION,
  readAction,
  readArguments,
  readNumber,
  usageOf,
  valued,
  WrongCall,
} from './arguments.ts';
import { dataFolder } from './files.ts';
import { oneLine } from './terminal.ts';

/** As it stands in the audit log. */
const WHO = { actor: 'command line' } as const;

const UUID = /^[0-9a-f-]{36}$/i;

/** What stands after each action. */
const ACTIONS = { create: ['NAME'], list: [], revoke: ['ID'] };

const OPTIONS = {
  role: valued('R', 'of a new one: viewer (looks), editor (uploads, runs, deletes) or admin; else viewer'),
  workspace: valued('W', 'of a new one: the workspace it opens (default)'),
  days: valued('N', 'of a new one: how long it opens anything'),
  data: DATA_OPTION,
  json: JSON_OPTION,
};

export const usage = usageOf(
  [
    'tokens create NAME [--role viewer|editor|admin] [--workspace W] [--days N] [--data DIR] [--json]',
    'tokens list [--data DIR] [--json]',
    'tokens revoke ID [--data DIR] [--json]',
  ],
  OPTIONS,
  'A token is shown once. Without any, who reaches the service may do everything, and it listens on this machine alone.\n',
);

export async function run([given, ...args]: string[]): Promise<void> {
  const action = readAction('tokens', given, Object.keys(ACTIONS) as (keyof typeof ACTIONS)[]);
  const { values, positionals } = readArguments(args, OPTIONS, ACTIONS[action]);
  const print = (json: unknown, lines: string) =>
    process.stdout.write(values.json ? `${JSON.stringify(json)}\n` : `${lines}\n`);
  if (action === 'create') {
    const days = values.days === undefined ? undefined : readNumber('days', values.days);
    const { role = 'viewer', workspace } = values;
    const wanted = { name: positionals[0], role, workspace, ...(days !== undefined && { days }) };
    const made = await withDatabase(values.data, (db) =>
      db.transaction(async (q) => {
        const token = await createToken({ ...q, confinement: db.confinement }, wanted);
        const { id, name, workspace, role, expires_at } = token;
        await record(q, { ...WHO, workspace, action: 'token_made', subject: id, details: { name, role, expires_at } });
        return token;
      }),
    );
    process.stderr.write(
      `A token for ${made.name}, ${made.role} in ${made.workspace}, until ${made.expires_at}. It is shown this once:\n`,
    );
    print(made, made.token);
  } else if (action === 'list') {
    const { rows: tokens } = await withDatabase(values.data, (db) => pageOfTokens(db, null));
    const lines = tokens.map(
      ({ id, role, workspace, expires_at, name }) =>
        `${id}  ${role.padEnd(6)}  ${workspace}  ${expires_at}  ${oneLine(name)}`,
    );
    print(tokens, lines.join('\n') || 'There are no tokens: who reaches the service may do everything.');
  } else {
    const id = positionals[0]!;
    if (!UUID.test(id)) throw new WrongCall(`"${id}" is not the id of a token; "planimeter tokens list" shows them`);
    await withDatabase(values.data, (db) =>
      db.transaction(async (q) => {
        const { name, workspace } = await revokeToken(q, id, null);
        await record(q, { ...WHO, workspace, action: 'token_revoked', subject: id, details: { name } });
      }),
    );
    print({ revoked: id }, `Revoked ${id}.`);
  }
}

/** The service's own database, while the service is not running or on PostgreSQL. */
export async function withDatabase<T>(data: string | undefined, use: (db: Database) => Promise<T>): Promise<T> {
  const { DATABASE_URL: url } = process.env;
  const db = await openDatabase(url ? { url } : { folder: join(dataFolder(data), 'database') });
  try {
    return await use(db);
  } finally {
    await db.close();
  }
}
