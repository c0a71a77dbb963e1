/** `planimeter audit`: who did what with whose data, newest first. */
import { listAudit } from '../server/store/tables/audit.ts';
import { readArguments, readNumber } from './arguments.ts';
import { withDatabase } from './tokens.ts';

const DEFAULT_LIMIT = 100;

export async function run(args: string[]): Promise<void> {
  const text = { type: 'string' } as const;
  const options = { workspace: text, limit: text, data: text, json: { type: 'boolean' } } as const;
  const { values } = readArguments(args, options, [0, 0]);
  const limit = values.limit === undefined ? DEFAULT_LIMIT : readNumber('limit', values.limit);
  const entries = await withDatabase(values.data, (db) => listAudit(db, { limit, workspace: values.workspace }));
  const lines = entries.map(({ at, workspace, actor, action, subject, details }) =>
    [at, workspace, action, subject, actor, JSON.stringify(details)].join('  '),
  );
  process.stdout.write(values.json ? `${JSON.stringify(entries)}\n` : `${lines.join('\n') || 'Nothing yet.'}\n`);
}
