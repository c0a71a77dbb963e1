/** The thread of `network-thread.ts`: chips come in, answers go out. */
import { parentPort, workerData } from 'node:worker_threads';
import { noRoomOf } from '../../errors/no-room.ts';
import { Problem } from '../../errors/problem.ts';
import type { Answer } from './answer.ts';
import type { ThreadAnswer, ThreadData, ThreadQuestion } from './network-thread.ts';
import { type NetworkSession, openNetwork } from './session.ts';

const { network, options } = workerData as ThreadData;
const session = openNetwork(network, options);
let last: Promise<unknown> = send(session.then((opened) => ({ opened: described(opened) })));

parentPort!.on('message', (question: ThreadQuestion) => {
  last = last.then(() => send(answer(question)));
});

function described({ device, fallbackNodes, planeCount, inferBatch }: NetworkSession) {
  return { device, fallbackNodes, planeCount, batches: inferBatch !== undefined };
}

async function answer({ chips, width, height }: ThreadQuestion): Promise<ThreadAnswer> {
  const { infer, inferBatch } = await session;
  if (chips.length === 1) return { answers: [await infer(chips[0], width, height)] };
  return { answers: await inferBatch!(chips, width, height) };
}

async function send(what: Promise<ThreadAnswer>): Promise<void> {
  const said = await what.catch((error: unknown): ThreadAnswer => {
    const problem = error instanceof Problem ? error : noRoomOf(error);
    if (problem) return { problem: { code: problem.code, detail: problem.message } };
    const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
    return { error: { message, stack } };
  });
  parentPort!.postMessage(said, 'answers' in said ? memoryOf(said.answers) : []);
}

/** Each memory once: answers of a batch share theirs. */
function memoryOf(answers: readonly Answer[]): ArrayBuffer[] {
  const parts = answers.flatMap(({ classes, scores, planes, probabilities, features }) =>
    [classes, scores, planes, probabilities, features].filter((part) => part && part.length > 0),
  );
  return [...new Set(parts.map((part) => part!.buffer as ArrayBuffer))];
}
