/** What work is told, and what it tells: between the queue and those who do what it runs. */
import type { Stage } from '../api/index.ts';
import type { Session } from '../store/database/database.ts';
import type { Part } from './pg-boss.ts';

export interface WorkContext {
  /** Aborted when the work is no longer wanted here: stop soon and throw. */
  signal: AbortSignal;
  /** May be called as often as one likes. */
  progress(p: { stage: Stage; done: number; total: number; share: number }): void;
}

export interface PartContext extends WorkContext {
  /** Undefined: the job, to be done as a whole or planned in parts. */
  part: Part | undefined;
  /**
   * Keeps what was done and asks for the parts that `store` returns, all in one transaction. With that the work is over,
   * and the job goes on. A part that waits or is worked on is not asked for twice.
   */
  handOver(store: (session: Session) => Promise<Part[]>): Promise<void>;
}

export interface Handlers {
  /** How many strips, or joinings of maps, are worked on at a time; one if not given. */
  drawing?: number;
  /** Ends with the scene `ready`. */
  ingest(sceneId: string, context: WorkContext): Promise<void>;
  /** Ends with the job published, or with a part of it handed over. */
  segment(jobId: string, context: PartContext): Promise<void>;
  /** Removes what the parts of a job have left that has come to an end. */
  discard(jobId: string): Promise<void>;
  /** Throws Problem no_room where there is too little for any work to begin. */
  room?(): Promise<void>;
}

export interface ChangeNotice {
  kind: 'scene' | 'job';
  id: string;
}
