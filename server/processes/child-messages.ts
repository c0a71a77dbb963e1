/** What a child process and its parent say to each other while a task runs. */
import type { ProblemCode } from '../../errors/problem.ts';
import type { ByteRange } from '../../tiler/geotiff/byte-source.ts';

/** What a child sends. */
export type Answer =
  | { id: number; kind: 'progress'; value: unknown }
  | { id: number; kind: 'result'; value: unknown }
  | { id: number; kind: 'problem'; code: ProblemCode; detail: string }
  | { id: number; kind: 'error'; message: string; stack: string }
  | ({ kind: 'read' } & Asked)
  | { kind: 'announce'; path: string; ranges: readonly ByteRange[] };

/** Bytes of a file elsewhere that a child asks for; of none it is told the size. */
export interface Asked {
  ask: number;
  path: string;
  position: number;
  length: number;
}

/** What the parent answers to it. */
export interface Given {
  ask: number;
  size?: number;
  items?: Readonly<Record<string, string>> | undefined;
  bytes?: Uint8Array;
  problem?: { code: ProblemCode; detail: string };
}
