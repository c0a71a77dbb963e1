/** Runs what a user asked for; what goes wrong is told on the page. */
import type { App } from '../app.ts';
import { messageOf } from '../service/api.ts';

/** False where it went wrong. */
export async function attempt({ state: { error } }: App, action: () => Promise<void>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (thrown) {
    error.value = messageOf(thrown);
    return false;
  }
}
