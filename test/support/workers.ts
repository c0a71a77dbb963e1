/** `planimeter worker` as processes of their own, for tests that kill them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { hear } from './complaints.ts';

export const PROGRAM = fileURLToPath(new URL('../../cli/planimeter.js', import.meta.url));

const workers: ChildProcess[] = [];

/** Resolves when the worker works. */
export async function startWorker(env: NodeJS.ProcessEnv, ...args: string[]): Promise<ChildProcess> {
  const worker = spawn(process.execPath, [PROGRAM, 'worker', ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  workers.push(worker);
  let text = '';
  await new Promise<void>((resolve, reject) => {
    worker.stderr!.on('data', (chunk) => {
      text += chunk;
      hear(chunk);
      if (text.includes('works for')) resolve();
    });
    worker.on('exit', (code) => {
      if (code) console.error(`a worker ended with ${code}: ${text.slice(-2000)}`);
      reject(new Error(`the worker ended with ${code}: ${text}`));
    });
  });
  return worker;
}

/** kill -9 of all that were started. */
export function killWorkers(): void {
  for (const worker of workers.splice(0)) worker.kill('SIGKILL');
}
