/** `planimeter serve` as a process of its own, for tests that watch it, use it and kill it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../cli/planimeter.js', import.meta.url));

export interface Served {
  url: string;
  process: ChildProcess;
}

const served: Served[] = [];

/** Starts the service on a free port and waits for its address. */
export async function serve(dataFolder: string, databaseUrl?: string, more: NodeJS.ProcessEnv = {}): Promise<Served> {
  const env = { ...process.env, ...(databaseUrl && { DATABASE_URL: databaseUrl }), ...more };
  const child = spawn(process.execPath, [PROGRAM, 'serve', '--port', '0', '--data', dataFolder], {
    env,
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stderr!.on('data', (chunk) => {
      text += chunk;
      const address = /http:\/\/\S+/.exec(text);
      if (address) resolve(address[0]);
    });
    child.on('exit', (code) => reject(new Error(`serve ended with status ${code}: ${text}`)));
  });
  const service = { url, process: child };
  served.push(service);
  return service;
}

/** kill -9, and waits until the process is gone. */
export function kill(service: Served): Promise<void> {
  return end(service, 'SIGKILL');
}

/** Ends every service that is still there, gracefully. */
export async function stopAll(): Promise<void> {
  await Promise.all(served.splice(0).map((service) => end(service, 'SIGTERM')));
}

async function end({ process: child }: Served, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await gone;
}
