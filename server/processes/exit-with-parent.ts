/**
 * A thread of a child process that ends it when its parent has died, whatever the child is computing: one that went on
 * would write the same files as the process that takes up the work.
 */

import { workerData } from 'node:worker_threads';

const LOOK_MS = 200;

setInterval(() => {
  // An orphan is given another parent.
  if (process.ppid !== workerData.parent) process.kill(process.pid, 'SIGKILL');
}, LOOK_MS);
