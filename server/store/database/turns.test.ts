import { expect, test } from 'vitest';
import { createTurns } from './turns.ts';

test('one at a time, heavy ones after all others, each kind in the order it came', async () => {
  const turns = createTurns();
  const begun: string[] = [];
  const take = async (name: string, heavy = false) => {
    const end = await turns.take({ heavy, waitSeconds: 0 });
    begun.push(name);
    return end;
  };
  const end = await take('first');
  const waiting = [take('heavy 1', true), take('light 1'), take('heavy 2', true), take('light 2')];
  end();
  for (const each of [1, 3, 0, 2]) (await waiting[each]!)();
  expect(begun).toEqual(['first', 'light 1', 'light 2', 'heavy 1', 'heavy 2']);
  (await take('last'))();
});

test('whoever has waited long enough is told that it is busy, and takes no turn', async () => {
  const turns = createTurns();
  const end = await turns.take({ heavy: false, waitSeconds: 0 });
  const impatient = turns.take({ heavy: false, waitSeconds: 0.01 });
  const patient = turns.take({ heavy: true, waitSeconds: 0 });
  await expect(impatient).rejects.toMatchObject({ code: 'busy', retryAfterSeconds: 5 });
  end();
  (await patient)();
});
