/** Runs what a user asked for; what goes wrong is told on the page, and a connection that was lost is awaited. */
import { batch } from '@preact/signals';
import type { App } from '../app.ts';
import { isOnline, messageOf, OFFLINE } from '../service/api.ts';

const POLL_MS = 3000;

/** False where it went wrong. */
export async function attempt(app: App, action: () => Promise<void>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    const message = messageOf(error);
    if (message.code === OFFLINE.code) noteOffline(app);
    app.state.error.value = message;
    return false;
  }
}

/** Where the service does not answer, the page is offline until it does. */
export async function noteOffline({ state: { offline, error } }: App): Promise<void> {
  if (offline.value || (await isOnline()) || offline.value) return;
  offline.value = true;
  const poll = setInterval(async () => {
    if (!(await isOnline())) return;
    clearInterval(poll);
    batch(() => {
      if (error.value?.code === OFFLINE.code) error.value = null;
      offline.value = false;
    });
  }, POLL_MS);
}
