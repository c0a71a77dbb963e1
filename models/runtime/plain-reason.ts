/** What ONNX Runtime says of a failure, without where things lie on this machine. */
import { basename, dirname } from 'node:path';

const MOST_CHARACTERS = 300;
/** Lines of the runtime's own source, as in "/build/onnxruntime/core/graph/model.cc:180 Model::Model(…)". */
const SOURCE_LINE = /\S+\.(?:cc|cpp|cu|h):\d+\s*/g;
/** Absolute paths with a file's ending. Names of nodes look like paths too, as in "/encoder/layer1/Conv". */
const FILE_PATH =
  /(?<![\w.])(?:[A-Za-z]:)?[\\/](?:[^\s"'<>|:*?]*[\\/])?([^\s"'<>|:*?\\/]+\.(?:onnx|ort|so(?:\.\d+)*|dll|dylib|data|bin|js))\b/g;

/** One line, for people. `path`: of the network's file, which is called by its name alone. */
export function plainReason(error: unknown, path: string | null = null): string {
  const message = error instanceof Error ? error.message : String(error);
  const known = path === null ? message : message.replaceAll(path, basename(path)).replaceAll(dirname(path), '…');
  return known
    .replace(SOURCE_LINE, '')
    .replace(FILE_PATH, '$1')
    .trim()
    .split('\n', 1)[0]!
    .trim()
    .slice(0, MOST_CHARACTERS);
}
