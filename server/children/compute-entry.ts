/** What the compute process does: inference with stitching, and vectorizing. It never touches the database. */
import { type MapRequest, mapScene } from '../../models/map-scene.ts';
import { answerTasks } from './child.ts';
import { type VectorizeMapRequest, vectorizeMap } from './vectorize-map.ts';

answerTasks({
  map: (request: MapRequest, { progress }) => mapScene(request, progress),
  vectorize: (request: VectorizeMapRequest, { progress }) => vectorizeMap(request, progress),
});
