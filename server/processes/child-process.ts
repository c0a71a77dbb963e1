/**
 * Work in child processes: the parent sends named tasks, the child (`answer-tasks.ts`) answers with progress and a result
 * or a problem.
 * A child is watched: over its wall time or its memory it is killed, and what it was doing fails with a problem.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Problem } from '../../errors/problem.ts';
import type { ByteRange, ByteSource, OpenBytes } from '../../tiler/geotiff/byte-source.ts';
import { log } from '../log.ts';
import { limitTime, lowerPriority, residentMemory } from './child-limits.ts';
import type { Answer, Asked, Given } from './child-messages.ts';

/** A child died on its own: nobody's fault that is known. */
export class ChildCrash extends Error {}

export interface ChildOptions {
  /** What logs and metrics call it. */
  name: string;
  /** Path of the module that calls `answerTasks`. */
  entry: string;
  /** Resident memory after which the child is killed. */
  memoryBytes: number;
  /** Time a single task may take. */
  wallMs?: number;
  /** Where the machine is so busy that the child got less processor time than that, it gets more; in the end it is `busy`. */
  waitsItsTurn?: boolean;
  /** Megabytes of V8's young generation, which else grows with the time that a child runs. */
  youngMegabytes?: number;
  /**
   * Megabytes of V8's old generation and of the buffers that it holds, below which nothing is collected: a small heap
   * that lets go of large buffers is else collected over and over.
   */
  oldMegabytes?: number;
  /** Memory of at least so many bytes goes back to the system as soon as it is freed, where glibc looks after it. */
  returnedBytes?: number;
  /** Folders and files that a confined child may touch; without it the child is not confined. */
  confine?: { read: string[]; write: string[] };
  /** Opens files elsewhere for the child, which asks for their bytes; without it the child gets none. */
  remote?: OpenBytes;
}

export interface TaskOptions<Progress> {
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  /** Time without progress after which the child is killed. */
  stillMs?: number;
}

export interface Child {
  /** Runs one task. An abort kills the child: nothing goes on behind the caller's back. */
  run<Result, Progress = never>(task: string, input: unknown, options?: TaskOptions<Progress>): Promise<Result>;
  stop(): Promise<void>;
}

/** A process and what it is asked to do. */
interface Living {
  process: ChildProcess;
  pending: Map<number, Pending>;
  /** Set by whoever killed it: what its tasks fail with, or that they may try again. */
  killed: Problem | 'others may try again' | null;
}

/** Children that live, and the resident bytes that they last had. */
const alive = new Map<ChildProcess, { name: string; bytes: number }>();

/** Resident bytes of living children, by what they do. */
export function childMemory(): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { name, bytes } of alive.values()) sums.set(name, (sums.get(name) ?? 0) + bytes);
  return sums;
}

interface Pending {
  /** The child is killed on account of it. */
  cancelled?: boolean;
  resolve(value: unknown): void;
  reject(error: Error): void;
  onProgress: ((value: never) => void) | undefined;
}

/** What a confined child may read of the program itself; its packages lie in it, around it or elsewhere. */
const PROGRAM_FOLDER = fileURLToPath(new URL('../../', import.meta.url));
const ANY_PACKAGE = createRequire(import.meta.url).resolve('sharp');
const PACKAGES_FOLDER = join(ANY_PACKAGE.split(`${sep}node_modules${sep}`)[0], 'node_modules');
const WATCH_INTERVAL_MS = 100;
/** Of files elsewhere that a child waits for at a time. */
const MOST_ASKED_BYTES = 512 << 20;
/** Handed down to children; nothing else of the environment is: it may hold secrets. */
const ENVIRONMENT = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'LD_LIBRARY_PATH', 'XDG_RUNTIME_DIR', 'VK_DRIVER_FILES'];

/** A child that starts with its first task and again with the next one after it has died. */
export function createChild(options: ChildOptions): Child {
  const { name, wallMs, waitsItsTurn = false } = options;
  let current: Living | null = null;
  let nextId = 0;

  /** Its tasks fail with the reason; the next task gets a new child, also while this one is dying. */
  const kill = (living: Living, reason: NonNullable<Living['killed']>) => {
    if (current === living) current = null;
    living.killed ??= reason;
    living.process.kill('SIGKILL');
  };

  const start = (): Living => {
    const started = fork(options.entry, [], {
      execArgv: nodeFlags(options),
      env: environment(options),
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const living: Living = { process: started, pending: new Map(), killed: null };
    lowerPriority(started.pid);
    logComplaints(name, started);
    alive.set(started, { name, bytes: 0 });
    const memory = residentMemory(started.pid);
    const watch = setInterval(() => {
      const bytes = memory.bytes();
      if (alive.has(started)) alive.set(started, { name, bytes });
      if (bytes <= options.memoryBytes) return;
      const limit = Math.round(options.memoryBytes / 2 ** 20);
      kill(
        living,
        new Problem('limit_exceeded', `Working on this needed more than the limit of ${limit} MiB of memory.`),
      );
    }, WATCH_INTERVAL_MS);
    const failAll = (error: Error) => {
      for (const { reject, cancelled } of living.pending.values()) {
        reject(cancelled ? new Problem('interrupted', 'The work was cancelled.') : error);
      }
      living.pending.clear();
    };
    const sources = new Map<string, ByteSource>();
    let asked = 0;
    started.on('message', (answer: Answer) => {
      if (answer.kind === 'announce') return announce(sources, answer);
      if (answer.kind !== 'read') return settle(living.pending, answer);
      asked += answer.length;
      if (asked > MOST_ASKED_BYTES) return kill(living, askedTooMuch());
      void give(sources, options.remote, answer).then((given) => {
        asked -= answer.length;
        if (started.connected) started.send(given, () => {});
      });
    });
    started.on('error', failAll);
    started.on('exit', (code, signal) => {
      clearInterval(watch);
      memory.close();
      alive.delete(started);
      if (current === living) current = null;
      if (!living.killed && code !== 0) log.error(`the ${name} process died`, { pid: started.pid, code, signal });
      const how = signal ? `by ${signal}` : `with status ${code}`;
      const crash = new ChildCrash(`a child process ended ${how} before its work was done`);
      failAll(living.killed instanceof Problem ? living.killed : crash);
    });
    return living;
  };

  return {
    run<Result, Progress>(task: string, input: unknown, options: TaskOptions<Progress> = {}) {
      const { signal, stillMs } = options;
      signal?.throwIfAborted();
      current ??= start();
      const living = current;
      const id = nextId++;
      const onAbort = () => {
        const mine = living.pending.get(id);
        if (mine) mine.cancelled = true;
        kill(living, 'others may try again');
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const timer = wallMs && limitTime(living.process.pid, wallMs, waitsItsTurn, (reason) => kill(living, reason));
      let standing: NodeJS.Timeout | undefined;
      const moves = () => {
        clearTimeout(standing);
        if (stillMs) standing = setTimeout(() => kill(living, standsStill(stillMs)), stillMs);
      };
      const onProgress = (progress: Progress) => {
        moves();
        options.onProgress?.(progress);
      };
      moves();
      return new Promise<Result>((resolve, reject) => {
        living.pending.set(id, { resolve: (value) => resolve(value as Result), reject, onProgress });
        living.process.send({ id, task, input }, (error) => {
          if (!error) return;
          if (current === living) current = null; // it has died, and its end was not told yet
          living.pending.delete(id);
          reject(new ChildCrash('a child process ended before it could be given its work', { cause: error }));
        });
      }).finally(() => {
        clearTimeout(standing);
        if (timer) timer.stop();
        signal?.removeEventListener('abort', onAbort);
      });
    },
    async stop() {
      const living = current;
      if (!living) return;
      const gone = new Promise((resolve) => living.process.once('exit', resolve));
      kill(living, new Problem('interrupted', 'The program is stopping.'));
      await gone;
    },
  };
}

/** Runs one task in a child of its own, which is gone afterwards. */
export async function runOnce<Result, Progress = never>(
  child: ChildOptions,
  task: string,
  input: unknown,
  options: TaskOptions<Progress> = {},
): Promise<Result> {
  const once = createChild(child);
  try {
    return await once.run<Result, Progress>(task, input, options);
  } finally {
    await once.stop();
  }
}

/** A child that decodes what is untrusted may send anything. */
function announce(sources: Map<string, ByteSource>, { path, ranges }: { path: string; ranges: readonly ByteRange[] }) {
  const numbers = (range: unknown) => Array.isArray(range) && range.every(Number.isSafeInteger);
  if (Array.isArray(ranges) && ranges.every(numbers)) sources.get(path)?.announce?.(ranges);
}

/** What a child gets of a file elsewhere. */
async function give(
  sources: Map<string, ByteSource>,
  remote: OpenBytes | undefined,
  { ask, path, position, length }: Asked,
): Promise<Given> {
  try {
    if (!remote) throw new Problem('remote_forbidden', 'This process may not read files elsewhere.');
    const source = (length > 0 && sources.get(path)) || (await remote(path));
    sources.set(path, source);
    if (length === 0) return { ask, size: source.size, items: source.items };
    return { ask, bytes: await source.read(position, length) };
  } catch (error) {
    if (error instanceof Problem) return { ask, problem: { code: error.code, detail: error.message } };
    log.error('reading a file elsewhere failed', { error });
    return { ask, problem: { code: 'internal', detail: 'Reading a file elsewhere failed.' } };
  }
}

function settle(pending: Map<number, Pending>, answer: Exclude<Answer, { kind: 'read' | 'announce' }>): void {
  const waiting = pending.get(answer.id);
  if (!waiting) return;
  if (answer.kind === 'progress') {
    waiting.onProgress?.(answer.value as never);
    return;
  }
  pending.delete(answer.id);
  if (answer.kind === 'result') waiting.resolve(answer.value);
  else if (answer.kind === 'problem') waiting.reject(new Problem(answer.code, answer.detail));
  else waiting.reject(Object.assign(new Error(answer.message), { stack: answer.stack }));
}

/** Lines of a child's standard error that are logged; a child that decodes what is untrusted may write without end. */
const MAX_COMPLAINTS = 100;
const MAX_COMPLAINT_CHARACTERS = 500;

function logComplaints(name: string, { stderr, pid }: ChildProcess): void {
  let lines = 0;
  createInterface({ input: stderr! }).on('line', (line) => {
    if (line.trim() === '' || ++lines > MAX_COMPLAINTS) return;
    log.warn(`${name}: ${line.slice(0, MAX_COMPLAINT_CHARACTERS)}`, { pid });
  });
}

const askedTooMuch = () => new Problem('limit_exceeded', 'Too much of a file elsewhere was asked for at once.');

const standsStill = (stillMs: number) =>
  new Problem('limit_exceeded', `Working on this did not go on for the limit of ${stillMs / 1000} seconds.`);

function environment({ returnedBytes }: ChildOptions): NodeJS.ProcessEnv {
  const handed = ENVIRONMENT.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []));
  return {
    ...Object.fromEntries(handed),
    ...(returnedBytes && { MALLOC_MMAP_THRESHOLD_: String(returnedBytes) }),
  };
}

function nodeFlags({ memoryBytes, confine, youngMegabytes, oldMegabytes }: ChildOptions): string[] {
  const heap = [`--max-old-space-size=${Math.round(memoryBytes / 2 ** 20)}`];
  if (youngMegabytes) heap.push(`--max-semi-space-size=${youngMegabytes}`);
  if (oldMegabytes) heap.push(`--initial-old-space-size=${oldMegabytes}`);
  if (!confine) return heap;
  const read = [PROGRAM_FOLDER, PACKAGES_FOLDER, ...confine.read, ...confine.write].map(
    (path) => `--allow-fs-read=${path}`,
  );
  const write = confine.write.map((path) => `--allow-fs-write=${path}`);
  return [
    ...heap,
    '--permission',
    '--allow-addons',
    '--allow-worker',
    '--disable-warning=SecurityWarning',
    ...read,
    ...write,
  ];
}
