/** Files that a command line names. */
import { access, constants } from 'node:fs/promises';
import { WrongCall } from './arguments.ts';

/** The path itself, if it can be read. Throws a wrong call. */
export async function inputFile(path: string): Promise<string> {
  await access(path, constants.R_OK).catch(() => {
    throw new WrongCall(`"${path}" cannot be read`);
  });
  return path;
}
