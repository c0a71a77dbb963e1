/** Who asks: found by the guard before any route runs, and the only way by which routes come to a database. */
import type { Request } from 'express';
import type { Caller } from '../../operations/caller.ts';
import type { ConfinedDatabase } from '../../store/database/database.ts';
import { DEFAULT_WORKSPACE } from '../../store/database/row-level-security.ts';

/** Who asks a service that has no tokens. */
export const ANYBODY: Caller = {
  ...{ id: 'anybody', name: 'anybody', role: 'admin' as const, workspace: DEFAULT_WORKSPACE },
  ...{ signedIn: false, limited: false },
};

/** The caller of a route that the guard lets nobody through to unseen. */
export function callerOf(request: Request): Caller {
  const caller: Caller | undefined = request.res?.locals.caller;
  if (!caller) throw new Error(`${request.method} ${request.path} is open to anyone, and asks who it is`);
  return caller;
}

/** Whether the service knows who they are; without tokens it does not. */
export const isKnown = ({ id }: Caller): boolean => id !== ANYBODY.id;

/** The database as the caller may see it: the rows of their workspace. */
export function databaseOf(request: Request): ConfinedDatabase {
  const database: ConfinedDatabase | undefined = request.res?.locals.database;
  if (!database) throw new Error(`${request.method} ${request.path} is open to anyone, and asks for data`);
  return database;
}

/** Whether the caller's token or link still opens something: for answers that go on for long. */
export function admittedStill(request: Request): Promise<boolean> {
  return request.res!.locals.admittedStill();
}
