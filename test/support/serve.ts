/** `planimeter serve` as a process of its own, for tests that watch it, use it and kill it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { hear } from './complaints.ts';

const PROGRAM = fileURLToPath(new URL('../../cli/planimeter.js', import.meta.url));

export interface Served {
  url: string;
  process: ChildProcess;
}

/** One that may die before it has an address. */
export interface Starting {
  process: ChildProcess;
  /** Rejects where the process ends before. */
  url: Promise<string>;
}

const served: ChildProcess[] = [];

/**
 * Starts the service on a free port. With `group` the process leads a group of its own, which its children belong to and
 * which a Ctrl-C in the terminal does not reach.
 */
export function startServing(dataFolder: string, env: NodeJS.ProcessEnv, { group = false } = {}): Starting {
  const child = spawn(process.execPath, [PROGRAM, 'serve', '--port', '0', '--data', dataFolder], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'pipe'],
    detached: group,
  });
  served.push(child);
  const url = new Promise<string>((resolve, reject) => {
    let text = '';
    child.stderr!.on('data', (chunk) => {
      text += chunk;
      hear(chunk);
      const address = /http:\/\/\S+/.exec(text);
      if (address) resolve(address[0]);
    });
    child.on('exit', (code) => reject(new Error(`serve ended with status ${code}: ${text}`)));
  });
  return { process: child, url };
}

/** Starts the service on a free port and waits for its address. */
export async function serve(dataFolder: string, databaseUrl?: string, more: NodeJS.ProcessEnv = {}): Promise<Served> {
  const { process, url } = startServing(dataFolder, { ...(databaseUrl && { DATABASE_URL: databaseUrl }), ...more });
  return { process, url: await url };
}

/** kill -9, and waits until the process is gone. */
export function kill({ process: child }: Pick<Served, 'process'>): Promise<void> {
  return end(child, () => child.kill('SIGKILL'));
}

/** kill -9 of a process that leads a group, and of all its children at once; waits until it is gone. */
export function killGroup({ process: child }: Pick<Served, 'process'>): Promise<void> {
  return end(child, () => process.kill(-child.pid!, 'SIGKILL'));
}

/** Ends every service that is still there, gracefully. */
export async function stopAll(): Promise<void> {
  await Promise.all(served.splice(0).map((child) => end(child, () => child.kill('SIGTERM'))));
}

async function end(child: ChildProcess, kill: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  kill();
  await gone;
}
