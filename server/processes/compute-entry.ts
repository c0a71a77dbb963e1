/** What the compute process does: inference with stitching, and vectorizing. It never touches the database. */

import { type MapRequest, mapScene } from '../../models/mapping/map-scene.ts';
import { type MergeRequest, mergeShards } from '../../models/mapping/merge-shards.ts';
import { keepSession } from '../../models/runtime/session-cache.ts';
import { type VerifyRequest, verifyMap } from '../../models/verify/verify-windows.ts';
import { chooseRendering } from '../../tiler/working-copy/job-rendering.ts';
import type { SceneView } from '../../tiler/working-copy/scene-view.ts';
import { type VectorizeMapRequest, vectorizeMap } from '../tracing/map-to-features.ts';
import { type TraceShardRequest, traceShard } from '../tracing/trace-raster.ts';
import { answerTasks } from './answer-tasks.ts';

const sessions = keepSession();
let last: Promise<unknown> = Promise.resolve();

/** Work with networks is done one after the other: they take all cores, and one is loaded at a time. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const mine = last.then(work, work);
  last = mine;
  return mine;
}

answerTasks({
  chooseRendering: ({ path, view }: { path: string; view: SceneView }) => chooseRendering(path, view),
  map: (request: MapRequest, { progress }) =>
    inTurn(() => mapScene(request, sessions.of(request.network, request.run), progress)),
  prove: (request: VerifyRequest) => inTurn(() => verifyMap(request, sessions.of(request.network, request.run))),
  join: (request: MergeRequest) => mergeShards(request),
  trace: (request: TraceShardRequest) => traceShard(request),
  vectorize: (request: VectorizeMapRequest, { progress }) => vectorizeMap(request, progress),
});
