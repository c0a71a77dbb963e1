/** What is known of images, over restarts and changes of mind. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Problem } from '../../errors/problem.ts';
import { noticeOf } from './deliver.ts';
import { type Ledger, type Mapped, openLedger } from './ledger.ts';
import type { Found } from './watched.ts';

const PLACE = '/in';
const problem = new Problem('damaged_tiff', 'broken').toJSON();
const result: Mapped = { output: 'a.gpkg', job: 'j', model: 'm', counts: {}, areas_m2: {} };
const found = (name: string, version = '1'): Found => ({ name, version, read: async () => ({}) as never });

let folder: string;
let ledger: Ledger;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'planimeter-ledger-'));
  ledger = openLedger(join(folder, 'ledger.sqlite'));
});
afterEach(() => {
  ledger.close();
  rmSync(folder, { recursive: true });
});

const reopen = () => {
  ledger.close();
  ledger = openLedger(join(folder, 'ledger.sqlite'));
};
const waiting = (nowMs = 0) => [...ledger.waiting(PLACE, nowMs)].map(({ seq, name, version }) => [seq, name, version]);

test('what has landed waits in that order, once, also over restarts', () => {
  ledger.note(PLACE, [found('b'), found('a')]);
  reopen();
  ledger.note(PLACE, [found('b'), found('a'), found('c')]);
  ledger.note('/elsewhere', [found('a')]);
  expect(waiting().map(([, name]) => name)).toEqual(['b', 'a', 'c']);
  ledger.note(PLACE, [found('a', '2')]);
  expect(
    waiting().map(([, name, version]) => `${name}${version}`),
    'written again before it was mapped',
  ).toEqual([...['b1', 'a2', 'c1']]);
});

test('what was mapped is not mapped again, unless other bytes have its name', () => {
  ledger.note(PLACE, [found('a')]);
  const [first] = ledger.waiting(PLACE, 0);
  ledger.mapped(first!.seq, 'hash', result, null);
  reopen();
  ledger.note(PLACE, [found('a')]);
  expect(waiting()).toEqual([]);
  expect(ledger.mappedBefore('hash')).toMatchObject({ name: 'a', result });
  expect([ledger.isTaken('a.gpkg'), ledger.isTaken('b.gpkg')]).toEqual([true, false]);

  ledger.note(PLACE, [found('a', 'touched')]);
  const [touched] = ledger.waiting(PLACE, 0);
  expect(ledger.touched(touched!, 'hash')).toBe(true);
  ledger.note(PLACE, [found('a', 'touched')]);
  expect(waiting()).toEqual([]);

  ledger.note(PLACE, [found('a', 'other')]);
  const [other] = ledger.waiting(PLACE, 0);
  expect(ledger.touched(other!, 'other hash')).toBe(false);
  expect(other!.seq).toBeGreaterThan(first!.seq);
});

test('what failed stays so until it is another file or somebody asks', () => {
  ledger.note(PLACE, [found('a'), found('b')]);
  const [a, b] = ledger.waiting(PLACE, 0);
  ledger.failed(a!.seq, problem, null);
  ledger.failed(b!.seq, problem, null);
  ledger.note(PLACE, [found('a'), found('b', '2')]);
  expect(waiting().map(([, name]) => name)).toEqual(['b']);
  expect([ledger.retry(PLACE), ledger.retry(PLACE)]).toEqual([1, 0]);
  expect(waiting().map(([, name]) => name)).toEqual(['a', 'b']);
  ledger.postpone(a!.seq, problem, 500);
  expect([waiting(499).length, waiting(500).length]).toEqual([1, 2]);
  expect(ledger.counts(PLACE)).toEqual({ waiting: 2, mapped: 0, failed: 0 });
});

test('a message waits until it is delivered, under the same key; another outcome has another', () => {
  ledger.note(PLACE, [found('a')]);
  const [a] = ledger.waiting(PLACE, 0);
  const failure = noticeOf(a!, null, { problem });
  ledger.failed(a!.seq, problem, failure);
  reopen();
  expect(ledger.due(0, 9)).toEqual([{ ...failure, attempts: 0 }]);
  ledger.undelivered(failure.id, 'no', 1000);
  expect([ledger.due(999, 9).length, ledger.due(1000, 9)[0]!.attempts]).toEqual([0, 1]);
  ledger.undelivered(failure.id, 'no', null);
  expect([ledger.due(1e15, 9).length, ledger.undeliveredYet(9)]).toEqual([0, 0]);
  ledger.retry(PLACE);
  expect(ledger.due(0, 9)[0]!.id).toBe(failure.id);
  ledger.delivered(failure.id);

  const success = noticeOf(a!, 'hash', { result });
  expect(noticeOf(a!, 'hash', { result }).id).toBe(success.id);
  expect(success.id).not.toBe(failure.id);
  ledger.mapped(a!.seq, 'hash', result, success);
  expect(ledger.due(0, 9).map(({ id }) => id)).toEqual([success.id]);
  expect(JSON.parse(success.body)).toMatchObject({ type: 'image.mapped', data: { key: success.id, ...result } });
});
