/** What the compute process does: inference with stitching, and vectorizing. It never touches the database. */
import { type JoinRequest, joinMaps } from '../../models/join-maps.ts';
import { type MapRequest, mapScene } from '../../models/map-scene.ts';
import { type ProveRequest, proveMap } from '../../models/prove.ts';
import { keepSession } from '../../models/sessions.ts';
import { chooseRendering } from '../../tiler/choose-rendering.ts';
import type { SceneView } from '../../tiler/scene-view.ts';
import { answerTasks } from './child.ts';
import { type TraceShardRequest, traceShard } from './trace-map.ts';
import { type VectorizeMapRequest, vectorizeMap } from './vectorize-map.ts';

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
  prove: (request: ProveRequest) => inTurn(() => proveMap(request, sessions.of(request.network, request.run))),
  join: (request: JoinRequest) => joinMaps(request),
  trace: (request: TraceShardRequest) => traceShard(request),
  vectorize: (request: VectorizeMapRequest, { progress }) => vectorizeMap(request, progress),
});
