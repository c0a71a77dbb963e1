import { afterEach, expect, test } from 'vitest';
import { configureLog, type LogFormat, log, withLogFields } from './log.ts';

const environment = { ...process.env };
afterEach(() => {
  process.env = { ...environment };
  configureLog({ level: 'warn', format: 'text' });
});

/** Lines that are logged from here on. */
function logged(format: LogFormat, level: 'debug' | 'info' = 'info'): string[] {
  const lines: string[] = [];
  configureLog({ level, format, process: 'worker', write: (line) => lines.push(line) });
  return lines;
}

test('a line of JSON has its level as a word, its time, the process, and the ids around it', async () => {
  const lines = logged('json');
  await withLogFields({ job: 'j1' }, async () => {
    await new Promise((resolve) => setImmediate(resolve));
    withLogFields({ request: 'r1' }, () => log.info('halfway', { done: 3 }));
  });
  log.debug('too fine');
  expect(lines).toHaveLength(1);
  const line = JSON.parse(lines[0]!);
  expect(line).toMatchObject({ level: 'info', process: 'worker', job: 'j1', request: 'r1', done: 3, msg: 'halfway' });
  expect(line.worker).toMatch(/:\d+$/);
  expect(new Date(line.time).toISOString()).toBe(line.time);
});

test('a line for people has what matters, and the stacks of an error and its causes below', () => {
  const lines = logged('text');
  const error = new Error('no map', { cause: new Error('disk full') });
  log.error('segment failed', { job: 'j1', error });
  expect(lines.join('')).toMatch(
    /^\d\d:\d\d:\d\d error segment failed {2}job=j1\n {2}Error: no map\n(.*\n)+ {2}Error: disk full\n/,
  );
});

test.each(['json', 'text'] as const)('no secret reaches the log, %s', (format) => {
  Object.assign(process.env, {
    DATABASE_URL: 'postgres://map:hun%2Fter22@db.example/maps',
    AWS_SECRET_ACCESS_KEY: 'aws+"secret/key',
  });
  const lines = logged(format, 'debug');
  const token = `planimeter_${'Ab-9'.repeat(11)}`;
  const headers = { authorization: 'Basic dXNlcjpwYXNz', cookie: 'planimeter_token=abc', host: 'here' };
  log.info(`asked with Authorization: Bearer ${token.slice(11)}`, { request_headers: headers, headers });
  log.warn(`https://u:pass1234@other.example/a.tif?X-Amz-Signature=0123abcd&x=1 with ${token}`);
  const error = new Error('cannot open postgres://map:hun%2Fter22@db.example/maps', {
    cause: new Error(`hun/ter22 and ${process.env.AWS_SECRET_ACCESS_KEY}`),
  });
  log.error('failed', { error: Object.assign(error, { config: { headers } }), token, password: 'open-sesame' });
  const text = lines.join('');
  expect(text).toContain('db.example');
  expect(text).toContain('other.example/a.tif');
  for (const secret of [
    'Ab-9Ab-9',
    'dXNlcjpw',
    'abc"',
    '=abc',
    'pass1234',
    '0123abcd',
    'ter22',
    'secret/key',
    'sesame',
  ])
    expect(text).not.toContain(secret);
  if (format === 'json') for (const line of lines) JSON.parse(line);
});
