/** What the child process does that generates the demo scene. */
import { type TownOptions, writeTown } from '../../synthetic/town/town.ts';
import { answerTasks } from './answer-tasks.ts';

answerTasks({
  town: ({ folder, options }: { folder: string; options: TownOptions }, { progress }) =>
    writeTown(folder, options, progress),
});
