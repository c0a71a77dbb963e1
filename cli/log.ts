/** The log of a process that runs for long, as LOG_LEVEL and LOG_FORMAT ask for it. */
import { configureLog, LOG_FORMATS, LOG_LEVELS, type LogFields, log } from '../server/log.ts';
import { WrongCall } from './arguments.ts';
import { misspeltSettings } from './environment.ts';

/**
 * Begins to log. Returns what greets people: a plain line on standard error, also where the log goes to a file; with
 * LOG_FORMAT=json, where every line is to be JSON, it is a line of the log.
 */
export function startLog(role: 'service' | 'worker'): (greeting: string, fields?: LogFields) => void {
  const { LOG_LEVEL, LOG_FORMAT } = process.env;
  const level = oneOf('LOG_LEVEL', LOG_LEVEL || 'info', LOG_LEVELS);
  const format = oneOf('LOG_FORMAT', LOG_FORMAT || (process.stderr.isTTY ? 'text' : 'json'), LOG_FORMATS);
  configureLog({ level, format, process: role });
  if (LOG_FORMAT === 'json') for (const warning of misspeltSettings(process.env)) log.warn(warning);
  process.on('uncaughtExceptionMonitor', (error) => log.fatal('the process ends over an error', { error }));
  return (greeting, fields) => {
    if (LOG_FORMAT === 'json') log.info(greeting, fields);
    else process.stderr.write(`${greeting}\n`);
  };
}

function oneOf<T extends string>(name: string, value: string, known: readonly T[]): T {
  if ((known as readonly string[]).includes(value)) return value as T;
  throw new WrongCall(`${name} is one of ${known.join(', ')}; it is "${value}"`);
}
