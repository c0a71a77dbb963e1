/** A child process for tests. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { Problem } from '../../errors/problem.ts';
import { answerTasks } from '../../server/processes/answer-tasks.ts';

const kept: Uint8Array[] = [];

answerTasks({
  pid: async () => process.pid,
  async echo(value: unknown, { progress }) {
    progress('half');
    return value;
  },
  async refuse() {
    throw new Problem('empty_raster', 'Nothing in it.');
  },
  async fail() {
    throw new TypeError('a mistake');
  },
  sleep: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms, 'slept')),
  async spin() {
    for (;;);
  },
  async die() {
    process.exit(7);
  },
  async eat() {
    for (;;) {
      kept.push(new Uint8Array(16 * 2 ** 20).fill(1));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  },
  read: async (path: string) => readFileSync(path, 'utf8'),
  write: async (path: string) => writeFileSync(path, 'here'),
  spawn: async () => {
    const { error } = spawnSync('true');
    if (error) throw error;
  },
  environment: async () => Object.keys(process.env),
});
