/** One more process that takes work from the queue of a service: no HTTP, the same database and the same shared folder. */
import { parseRemoteHosts } from './remote/policy.ts';
import { checkStore } from './store/shared-folder.ts';
import { openWorkshop } from './workshop.ts';

export interface WorkerOptions {
  dataFolder: string;
  store?: string | undefined;
  databaseUrl: string;
  device: string;
  remoteHosts?: string | undefined;
}

/** Resolves when it works; `stop` gives unfinished work back. Throws `store_mismatch`. */
export function startWorker({ remoteHosts, ...options }: WorkerOptions): Promise<{ stop(): Promise<void> }> {
  return openWorkshop({ ...options, remotePolicy: parseRemoteHosts(remoteHosts) }, checkStore);
}
