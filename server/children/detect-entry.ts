/** What the process does that runs a user's detection network: boxes of a scene, written as features. */
import { answerTasks } from './child.ts';
import { type DetectObjectsRequest, detectObjects } from './detect-objects.ts';

answerTasks({
  detect: (request: DetectObjectsRequest, { progress }) => detectObjects(request, progress),
});
