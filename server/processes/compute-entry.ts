/** What the compute process does: all that takes a network or an image. It never touches the database. */

import { type MapRequest, mapScene } from '../../models/mapping/map-scene.ts';
import { keepSession } from '../../models/runtime/session-cache.ts';
import { type TeachRequest, teach } from '../../models/teaching/teach.ts';
import { type VerifyRequest, verifyMap } from '../../models/verify/verify-windows.ts';
import { chooseRendering } from '../../tiler/working-copy/job-rendering.ts';
import type { SceneView } from '../../tiler/working-copy/scene-view.ts';
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
  teach: (request: TeachRequest, { progress }) => teach(request, progress),
  prove: (request: VerifyRequest) => inTurn(() => verifyMap(request, sessions.of(request.network, request.run))),
});
