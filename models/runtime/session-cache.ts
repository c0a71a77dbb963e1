/** The network that is loaded in this process: loaded once, used by one piece of work after the other. */

import type { Network } from '../registry.ts';
import { openNetworkThread } from './network-thread.ts';
import type { NetworkSession, RunOptions, SessionSource } from './session.ts';

export interface SessionKeeper {
  /** The session of a network with these options; the one before is closed. */
  of(network: Network, run: RunOptions): SessionSource;
  close(): Promise<void>;
}

/** Keeps one session open. Work that uses it must not overlap. */
export function keepSession(): SessionKeeper {
  let kept: { key: string; session: NetworkSession } | null = null;
  const close = async () => {
    const old = kept;
    kept = null;
    await old?.session.close().catch(() => {}); // a session may be broken, which is why it is closed
  };
  return {
    of(network, run) {
      const key = JSON.stringify([network.id, network.sha256, network.modelPath, run]);
      const open = async () => {
        if (kept?.key !== key) {
          await close();
          kept = { key, session: await openNetworkThread(network, run) };
        }
        return kept.session;
      };
      return { open, reopen: () => close().then(open) };
    },
    close,
  };
}
