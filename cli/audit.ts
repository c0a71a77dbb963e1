/** `planimeter audit`: who did what with whose data, newest first. */
import { listAudit } from '../server/store/tables/audit.ts';
import { DATA_OPTION, JSON_OPTION, readArguments, readNumber, usageOf, valued } from './arguments.ts';
import { oneLine } from './terminal.ts';
import { withDatabase } from './tokens.ts';

const DEFAULT_LIMIT = 100;

const OPTIONS = {
  workspace: valued('W', 'of that workspace alone'),
  limit: valued('N', `the newest N (${DEFAULT_LIMIT})`),
  data: DATA_OPTION,
  json: JSON_OPTION,
};

export const usage = usageOf(['audit [--workspace W] [--limit N] [--data DIR] [--json]'], OPTIONS);

export async function run(args: string[]): Promise<void> {
  const { values } = readArguments(args, OPTIONS);
  const limit = values.limit === undefined ? DEFAULT_LIMIT : readNumber('limit', values.limit);
  const entries = await withDatabase(values.data, (db) => listAudit(db, { limit, workspace: values.workspace }));
  const lines = entries.map(({ at, workspace, actor, action, subject, details }) =>
    [at, workspace, action, subject, oneLine(actor), JSON.stringify(details)].join('  '),
  );
  process.stdout.write(values.json ? `${JSON.stringify(entries)}\n` : `${lines.join('\n') || 'Nothing yet.'}\n`);
}
