/** Statements of requests that do not end by themselves: they are ended, and nothing of others is lost. */
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lastingEngines, RUNAWAY } from '../../../test/support/databases.ts';
import type { Database } from './database.ts';

const SCOPE = { workspace: 'default' };

const busy = { code: 'busy', retryAfterSeconds: 5 };
const tooSlow = { code: 'query_too_slow', message: expect.stringContaining('within 1 seconds') };

describe.each(lastingEngines())('on $name', { timeout: 180_000 }, ({ name, open }) => {
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
  const heavy = () => db.within(SCOPE, { statementSeconds: 1, heavy: true });

  test('ends, and what others wrote before and meanwhile is there', async () => {
    await write(db, '1 before');
    const runaway = heavy()
      .query(RUNAWAY)
      .catch((error) => error);
    const meanwhile = [
      write(db, '2 by a job'),
      db.transaction(async (q) => {
        await write(q, '3 together');
        await write(q, '4 together');
      }),
      db.within(SCOPE).transaction((q) => write(q, '5 by a request')),
    ];
    expect(await runaway).toMatchObject(tooSlow);
    await Promise.all(meanwhile);
    expect(await notes()).toEqual(['1 before', '2 by a job', '3 together', '4 together', '5 by a request']);
    expect(await heavy().query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test.runIf(name === 'postgresql')('what the server does not end is given up, and does not pile up', async () => {
    await db.execute(`CREATE FUNCTION public.stubborn() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
      LOOP BEGIN PERFORM pg_sleep(1000); EXCEPTION WHEN query_canceled THEN END; END LOOP; END $$`);
    const places = 8;
    const asked = Array.from({ length: places }, () =>
      expect(heavy().query('SELECT public.stubborn()')).rejects.toMatchObject(tooSlow),
    );
    await Promise.all(asked);
    await expect(heavy().query('SELECT 1')).rejects.toMatchObject(busy);
    expect(await db.within(SCOPE, { statementSeconds: 1 }).query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    const ended = await db.query<{ ended: boolean }>(
      `SELECT pg_terminate_backend(pid, 10000) AS ended FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE '%stubborn%' AND pid <> pg_backend_pid()`,
    );
    expect(ended).toEqual(new Array(places).fill({ ended: true }));
    expect(await heavy().query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  // The last ones: requests are ended for good, and then all is.
  test('ends when the service stops, whatever time it has', async () => {
    const asked = db.within(SCOPE, { statementSeconds: 1000, heavy: true }).query(RUNAWAY);
    const ended = expect(asked).rejects.toMatchObject({ code: 'query_too_slow' });
    if (name === 'postgresql') {
      const running = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND query = $1`;
      await expect.poll(() => db.query(running, [RUNAWAY])).toHaveLength(1);
    } else await setImmediate();
    const waits = expect(db.within(SCOPE, { statementSeconds: 1000 }).query('SELECT 1')).rejects.toMatchObject(busy);
    db.endRequests();
    await Promise.all([ended, waits]);
    expect(await notes()).toHaveLength(5);
  });

  test.runIf(name === 'pglite')('what is closed is not opened again', async () => {
    await db.close();
    await expect(db.query('SELECT 1')).rejects.toThrow('closed');
  });
});
