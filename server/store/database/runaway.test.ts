/** Statements of requests that do not end by themselves: they are ended, and nothing of others is lost. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import type { Database } from './database.ts';
import { openDatabase } from './open-database.ts';

/** Without end, and never looking at a clock. */
const RUNAWAY = 'SELECT count(*) FROM generate_series(1, 1000000) AS a, generate_series(1, 1000000) AS b';

const [, ...servers] = testEngines();
const engines = [{ name: 'pglite on disk', open: openOnDisk }, ...servers];

async function openOnDisk() {
  const folder = mkdtempSync(join(tmpdir(), 'planimeter-runaway-'));
  const db = await openDatabase({ folder });
  const drop = async () => {
    await db.close();
    rmSync(folder, { recursive: true });
  };
  return { db, drop };
}

describe.each(engines)('on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    ({ db, drop } = await open());
    await db.execute('CREATE TABLE planimeter.notes (note text); GRANT ALL ON planimeter.notes TO planimeter_confined');
  });
  afterAll(() => drop());

  const notes = async () =>
    (await db.query<{ note: string }>('SELECT note FROM planimeter.notes ORDER BY note')).map(({ note }) => note);
  const write = (q: Pick<Database, 'query'>, note: string) =>
    q.query('INSERT INTO planimeter.notes VALUES ($1)', [note]);
  const scope = { workspace: 'default' };

  test('ends, and what others wrote before and meanwhile is there', async () => {
    await write(db, '1 before');
    const heavy = db.within(scope, { statementSeconds: 1, heavy: true });
    const runaway = heavy.query(RUNAWAY).catch((error) => error);
    const meanwhile = [
      write(db, '2 by a job'),
      db.transaction(async (q) => {
        await write(q, '3 together');
        await write(q, '4 together');
      }),
      db.within(scope, { statementSeconds: 1 }).transaction((q) => write(q, '5 by a request')),
    ];
    expect(await runaway).toMatchObject({ code: 'query_too_slow', message: expect.stringContaining('1 seconds') });
    await Promise.all(meanwhile);
    expect(await notes()).toEqual(['1 before', '2 by a job', '3 together', '4 together', '5 by a request']);
    expect(await heavy.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('ends when the service stops, whatever time it has', async () => {
    const asked = db.within(scope, { statementSeconds: 1000, heavy: true }).query(RUNAWAY);
    const ended = expect(asked).rejects.toMatchObject({ code: 'query_too_slow' });
    db.endRequests();
    await ended;
  });
});
