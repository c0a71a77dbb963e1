/** What the process does that runs a user's detection network: boxes of a scene, written as features. */

import { type DetectObjectsRequest, detectObjects } from '../tracing/detect-objects.ts';
import { answerTasks } from './answer-tasks.ts';

answerTasks({
  detect: (request: DetectObjectsRequest, { progress }) => detectObjects(request, progress),
});
