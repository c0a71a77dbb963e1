/** What the drawing processes do: class maps become features and samples, and maps of shards one. They never touch the database. */
import { type MergeRequest, mergeShards } from '../../models/mapping/merge-shards.ts';
import { type DrawRequest, drawUnits } from '../accuracy/draw-units.ts';
import { type DrawStripRequest, drawStrip } from '../tracing/draw-strip.ts';
import { type JoinCoarserRequest, type JoinStripsRequest, joinCoarser, joinFinest } from '../tracing/join-strips.ts';
import { answerTasks } from './answer-tasks.ts';

answerTasks({
  drawStrip: (request: DrawStripRequest) => drawStrip(request),
  drawUnits: (request: DrawRequest) => drawUnits(request),
  joinFinest: (request: JoinStripsRequest) => joinFinest(request),
  joinCoarser: (request: JoinCoarserRequest) => joinCoarser(request),
  join: (request: MergeRequest) => mergeShards(request),
});
