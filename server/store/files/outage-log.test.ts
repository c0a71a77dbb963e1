import { afterEach, expect, test, vi } from 'vitest';
import { configureLog } from '../../log.ts';
import { logFault } from './outage-log.ts';

afterEach(() => {
  vi.useRealTimers();
  configureLog({ level: 'warn', format: 'text' });
});

test('an outage is one line when it begins and one when it is over; other faults are a line each', () => {
  vi.useFakeTimers();
  const lines: string[] = [];
  configureLog({ level: 'info', format: 'json', write: (line) => lines.push(line) });
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  for (let i = 0; i < 28; i++) {
    logFault('the queue reports an error', refused);
    vi.advanceTimersByTime(1000);
  }
  logFault('the queue reports an error', new Error('another'));
  vi.advanceTimersByTime(60_000);
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual([
    expect.stringContaining('out of reach'),
    'the queue reports an error',
    expect.stringContaining('in reach again'),
  ]);
  expect(JSON.parse(lines[2]!)).toMatchObject({ seconds: 27, met: 28 });
  logFault('the queue reports an error', refused);
  expect(lines).toHaveLength(4);
});
