/** `planimeter reap`: removes what nothing refers to, as the service does every hour, or says what that would be. */
import { join } from 'node:path';
import { collectGarbage, GRACE_MS } from '../server/operations/garbage-collector.ts';
import { openDatabase } from '../server/store/database/open-database.ts';
import { checkedFileStore } from '../server/store/files/checked-files.ts';
import { openFileStore, sharedFolderOf } from '../server/store/files/open-file-store.ts';
import { DATA_OPTION, flag, JSON_OPTION, readArguments, readNumber, usageOf, valued, WrongCall } from './arguments.ts';
import { dataFolder } from './files.ts';

const HOUR_MS = 3600_000;

const OPTIONS = {
  'dry-run': flag('says what would be removed, and removes nothing'),
  grace: valued('HOURS', `leaves alone what is younger (${GRACE_MS / HOUR_MS})`),
  data: DATA_OPTION,
  json: JSON_OPTION,
};

export const usage = usageOf(['reap [--dry-run] [--grace HOURS] [--data DIR] [--json]'], OPTIONS);

export async function run(args: string[]): Promise<void> {
  const { values } = readArguments(args, OPTIONS);
  const hours = readNumber('grace', values.grace ?? String(GRACE_MS / HOUR_MS));
  if (hours < 1) throw new WrongCall('--grace takes hours, 1 at least: uploads and jobs under way must not be touched');
  const { DATABASE_URL: url, PLANIMETER_STORE: store } = process.env;
  const folder = dataFolder(values.data);
  const dryRun = values['dry-run'] === true;
  const db = await openDatabase(url ? { url } : { folder: join(folder, 'database') });
  try {
    const places = {
      db,
      files: checkedFileStore(openFileStore(folder, store), db),
      dataFolder: folder,
      uploadFolder: join(sharedFolderOf(folder, store), 'uploads'),
    };
    const reaped = await collectGarbage(places, { dryRun, graceMs: hours * HOUR_MS });
    if (values.json) {
      process.stdout.write(`${JSON.stringify(reaped)}\n`);
      return;
    }
    for (const { why, name, bytes } of reaped) process.stdout.write(`${why.padEnd(14)} ${bytes} bytes  ${name}\n`);
    const total = (reaped.reduce((sum, { bytes }) => sum + bytes, 0) / 2 ** 20).toFixed(1);
    process.stdout.write(`${reaped.length} ${dryRun ? 'would be' : ''} removed, ${total} MiB\n`.replace('  ', ' '));
  } finally {
    await db.close();
  }
}
