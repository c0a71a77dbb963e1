/**
 * The log: lines on standard error, one an event, that carry the ids of the request, scene or job they belong to.
 * Readable on a terminal, JSON (one object a line) otherwise. What is secret is taken out before a line is written.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { hostname } from 'node:os';
import { pino } from 'pino';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export const LOG_FORMATS = ['text', 'json'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface LogOptions {
  level: LogLevel;
  format: LogFormat;
  /** What this process is, such as `service` or `worker`. */
  process?: string;
  /** Takes whole lines; standard error by default. */
  write?: (line: string) => void;
}

/** `error` is written with its message, code, stack and causes; anything else as it stands. */
export type LogFields = Record<string, unknown> & { error?: unknown };

const context = new AsyncLocalStorage<LogFields>();

/** Until `configureLog`: failures alone, as a command line wants it. */
const QUIET: LogOptions = { level: 'warn', format: 'text' };
let logger: ReturnType<typeof create> | null = null;

/** Says what is written from now on, and where to. */
export function configureLog(options: LogOptions): void {
  logger = create(options);
}

/** All that `run` logs, also later and from what it calls, carries these fields. */
export function withLogFields<T>(fields: LogFields, run: () => T): T {
  return context.run({ ...context.getStore(), ...fields }, run);
}

type Write = (message: string, fields?: LogFields) => void;
const at =
  (level: Exclude<LogLevel, 'silent'>): Write =>
  (message, fields = {}) => {
    logger ??= create(QUIET);
    logger[level](fields, message);
  };

export const log = {
  debug: at('debug'),
  info: at('info'),
  warn: at('warn'),
  error: at('error'),
  fatal: at('fatal'),
};

function create({ level, format, process: role, write }: LogOptions) {
  const hide = hider(process.env);
  const out = write ?? ((line: string) => void process.stderr.write(line));
  return pino(
    {
      level,
      base: role ? { process: role, worker: `${hostname()}:${process.pid}` } : null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: () => context.getStore() ?? {},
      redact: { paths: SECRET_FIELDS.flatMap((name) => [`["${name}"]`, `*["${name}"]`]), censor: HIDDEN },
      serializers: { error: describeError },
    },
    { write: (line: string) => out(hide(format === 'json' ? line : readable(line))) },
  );
}

const MAX_CAUSES = 5;

/** Of an error only what is known to be harmless: libraries hang requests with their headers on their errors. */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return String(error);
  const { name, message, stack, cause } = error;
  const { code } = error as { code?: unknown };
  return {
    type: name,
    message,
    ...(code !== undefined && { code }),
    stack,
    ...(cause !== undefined && depth < MAX_CAUSES && { cause: describeError(cause, depth + 1) }),
  };
}

type Described = { message?: string; stack?: string; cause?: Described };

/** `12:03:11 error message  key=value`, and stacks below. */
function readable(line: string): string {
  const { level, time, msg, error, process: _process, worker: _worker, ...fields } = JSON.parse(line);
  const pairs = Object.entries(fields).map(([name, value]) => {
    return ` ${name}=${typeof value === 'string' && !/[\s\p{Cc}]/u.test(value) ? value : JSON.stringify(value)}`;
  });
  const stacks: string[] = [];
  for (let each: Described | string | undefined = error; each; each = typeof each === 'string' ? undefined : each.cause)
    stacks.push(`  ${typeof each === 'string' ? each : (each.stack ?? each.message)}\n`);
  return `${time.slice(11, 19)} ${level.padEnd(5)} ${msg.replaceAll('\n', '\\n')}${pairs.length > 0 ? ' ' : ''}${pairs.join('')}\n${stacks.join('')}`;
}

const HIDDEN = '***';
const SECRET_FIELDS = ['authorization', 'cookie', 'set-cookie', 'token', 'password', 'secret', 'headers'];

/** Variables that hold a secret, or an address with one in it. */
const SECRET_VARIABLES = [
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
  'PGPASSWORD',
  'PLANIMETER_METRICS_TOKEN',
];
const ADDRESS_VARIABLES = ['DATABASE_URL', 'PLANIMETER_STORE', 'AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3'];
/** Shorter ones would take half of every line with them. */
const LEAST_SECRET = 4;

const PATTERNS: readonly [RegExp, string][] = [
  [/planimeter_[\w-]{20,}/g, `planimeter_${HIDDEN}`], // access tokens
  [/\b(Bearer|Basic) +[\w.~+/=-]+/gi, `$1 ${HIDDEN}`],
  [/((?:X-Amz-(?:Signature|Security-Token|Credential)|[?&](?:token|sig|signature|key))=)[^&"'\\\s]+/gi, `$1${HIDDEN}`],
  [/(:\/\/[^/\s"':@]*):[^/\s"'@]+@/g, `$1:${HIDDEN}@`], // user:password@ of an address
];

/** Takes secrets of this process's environment, and all that looks like one, out of a line. */
function hider(env: Readonly<Record<string, string | undefined>>): (line: string) => string {
  const addressed = ADDRESS_VARIABLES.map((name) => env[name]).filter((text) => text && URL.canParse(text));
  const passwords = addressed.flatMap((text) => {
    const { password } = new URL(text!);
    return [password, decodeURIComponent(password)];
  });
  const secrets = [...SECRET_VARIABLES.map((name) => env[name] ?? ''), ...passwords]
    .filter((text) => text.length >= LEAST_SECRET)
    .flatMap((text) => [text, JSON.stringify(text).slice(1, -1)]);
  return (line) => {
    for (const secret of secrets) line = line.replaceAll(secret, HIDDEN);
    for (const [pattern, replacement] of PATTERNS) line = line.replace(pattern, replacement);
    return line;
  };
}
