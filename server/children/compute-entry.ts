/** What the compute process does: inference with stitching, and vectorizing. It never touches the database. */
import { type MapRequest, mapScene } from '../../models/map-scene.ts';
import { chooseRendering } from '../../tiler/choose-rendering.ts';
import type { SceneView } from '../../tiler/scene-view.ts';
import { answerTasks } from './child.ts';
import { type VectorizeMapRequest, vectorizeMap } from './vectorize-map.ts';

answerTasks({
  chooseRendering: ({ path, view }: { path: string; view: SceneView }) => chooseRendering(path, view),
  map: (request: MapRequest, { progress }) => mapScene(request, progress),
  vectorize: (request: VectorizeMapRequest, { progress }) => vectorizeMap(request, progress),
});
