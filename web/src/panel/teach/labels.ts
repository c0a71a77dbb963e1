/** The labels of a scene on the page: those that the service has, of everybody, and those that are on their way there. */
import { computed, signal } from '@preact/signals';
import type { LabelJson } from '../../service/types.ts';
import { addLabels, getLabels, type NewLabel, removeLabel } from './requests.ts';

/** Between looks at what others have drawn. */
const LOOK_MS = 2500;

export type Labels = ReturnType<typeof createLabels>;

/** @param fail is told what goes wrong */
export function createLabels(scene: string, fail: (error: unknown) => void) {
  const known = signal<readonly LabelJson[]>([]);
  const pending = signal<readonly NewLabel[]>([]);
  const removed = signal<ReadonlySet<string>>(new Set());
  /** Those drawn here, the last one last: they are taken back in turn. */
  const own = signal<readonly string[]>([]);
  let sending: Promise<void> | null = null;

  const refresh = async () => {
    const sent = new Set(pending.value.map(({ id }) => id));
    const found = await getLabels(scene);
    if (JSON.stringify(found) !== JSON.stringify(known.value)) known.value = found;
    const there = new Set(found.map(({ id }) => id));
    // Those that arrived are drawn from what the service says.
    if (sent.size > 0) pending.value = pending.value.filter(({ id }) => !(sent.has(id) && there.has(id)));
  };
  const send = async () => {
    try {
      const arrived = new Set<string>();
      for (;;) {
        const batch = pending.value.filter(({ id }) => !arrived.has(id) && !removed.value.has(id));
        if (batch.length === 0) break;
        await addLabels(scene, batch);
        for (const { id } of batch) arrived.add(id);
      }
      await refresh();
    } catch (error) {
      // What the service refuses, or nobody could bring it, is not shown as if it were there.
      pending.value = [];
      fail(error);
    }
  };
  /** Resolves when all that was drawn is with the service. */
  const flush = (): Promise<void> => {
    sending ??= send().finally(() => (sending = null));
    return sending;
  };
  const look = () => {
    // A lost connection is told of by whoever sends something.
    if (!document.hidden && !sending) refresh().catch(() => {});
  };
  const looking = setInterval(look, LOOK_MS);
  refresh().catch(fail);

  return {
    all: computed(() => {
      const there = new Set(known.value.map(({ id }) => id));
      const drawn = [...known.value, ...pending.value.filter(({ id }) => !there.has(id))];
      return drawn.filter(({ id }) => !removed.value.has(id));
    }),
    own,
    flush,
    add(label: Omit<NewLabel, 'type' | 'id'>) {
      const id = newId();
      pending.value = [...pending.value, { type: 'Feature', id, ...label }];
      own.value = [...own.value, id];
      // What is being sent does not hold it: it goes with the next.
      const again = () => (pending.value.some((each) => each.id === id) ? flush() : undefined);
      void flush().then(again);
    },
    /** Takes the last one back that was drawn here. */
    async undo() {
      const id = own.value.at(-1);
      if (id === undefined) return;
      own.value = own.value.slice(0, -1);
      removed.value = new Set([...removed.value, id]);
      try {
        await sending;
        if (pending.value.some((each) => each.id === id))
          pending.value = pending.value.filter((each) => each.id !== id);
        else await removeLabel(id);
      } catch (error) {
        removed.value = new Set([...removed.value].filter((each) => each !== id));
        fail(error);
      }
    },
    stop: () => clearInterval(looking),
  };
}

/** A UUID of version 4; the browser makes them itself only for pages that came encrypted. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
