/** Whether the service answers. Who meets a lost connection waits here until it is there again. */
import { signal } from '@preact/signals';

/** Where the interface lies: at the root, or below the path of a proxy or of a shared link. */
export const BASE = (globalThis.location?.pathname ?? '').replace(/\/[^/]*$/, '');

const POLL_MS = 3000;

export const offline = signal(false);

let awaited: Promise<void> | null = null;

/** Resolves once the service answers; where it does not at once, the page is offline until then. */
export function reconnected(): Promise<void> {
  awaited ??= poll().finally(() => {
    awaited = null;
  });
  return awaited;
}

async function poll(): Promise<void> {
  while (!(await answers())) {
    offline.value = true;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  offline.value = false;
}

const answers = (): Promise<boolean> =>
  fetch(`${BASE}/health`, { cache: 'no-store' }).then(
    (response) => response.ok,
    () => false,
  );
