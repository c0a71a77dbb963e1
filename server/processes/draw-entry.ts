/** What the drawing processes do: class maps become features, and maps of shards one. They never touch the database. */
import { type MergeRequest, mergeShards } from '../../models/mapping/merge-shards.ts';
import { type DrawStripRequest, drawStrip } from '../tracing/draw-strip.ts';
import { type JoinStripsRequest, joinStrips } from '../tracing/join-strips.ts';
import { answerTasks } from './answer-tasks.ts';

answerTasks({
  drawStrip: (request: DrawStripRequest) => drawStrip(request),
  joinStrips: (request: JoinStripsRequest) => joinStrips(request),
  join: (request: MergeRequest) => mergeShards(request),
});
