import { expect, test } from 'vitest';
import { noRoomOf } from './no-room.ts';
import { Problem } from './problem.ts';

const withCode = (code: string, message = code) => Object.assign(new Error(message), { code });

test.each([
  withCode('ENOSPC'),
  withCode('EDQUOT'),
  withCode('EMFILE'),
  withCode('EROFS'),
  withCode('ENOMEM'),
  withCode('53100', 'could not extend file "base/5/24580": No space left on device'),
  withCode('53200', 'out of memory'),
  { name: 'ErrnoError', errno: 51 },
  Object.assign(new Error('Storage full'), { name: 'XMinioStorageFull' }),
  Object.assign(new Error('the file store answers 507'), { status: 507 }),
  withCode('ERR_SQLITE_ERROR', 'database or disk is full'),
  Object.assign(withCode('EAGAIN'), { syscall: 'spawn /usr/bin/node' }),
  new Error('cannot be opened', { cause: new Error('outer', { cause: withCode('ENOSPC') }) }),
  new AggregateError([new Error('another'), withCode('ENOSPC')]),
  new Problem('no_room', 'said already'),
])('is for want of room: %s', (error) => {
  expect(noRoomOf(error)).toMatchObject({ code: 'no_room', retryAfterSeconds: error instanceof Problem ? null : 30 });
});

test.each([
  new Error('a bug'),
  withCode('EACCES'),
  withCode('53300'),
  new Problem('damaged_tiff', 'The file says ENOSPC.'),
  null,
  undefined,
  'ENOSPC',
])('is not: %s', (error) => {
  expect(noRoomOf(error)).toBeNull();
});

test('an error that causes itself ends the search', () => {
  const error = new Error('round');
  error.cause = error;
  expect(noRoomOf(error)).toBeNull();
});
