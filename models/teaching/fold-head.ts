/**
 * A correction becomes part of a network: convolutions of one pixel on the layers that it is told from, enlarged to the
 * grid of the logits and added to them; class and score are told from the sum. What comes out has the inputs and outputs
 * of the network that was taught, looks no further around a pixel, and is stitched, proven and cut into shards as that.
 */
import type { OnnxModel } from '../onnx/read-onnx.ts';
import { type NewConstant, type NewNode, rewriteGraph } from '../onnx/rewrite-graph.ts';
import { type Layer, PLANES, TAUGHT, type Teachable } from './taught-layers.ts';

/** What is added to the logits of a pixel: bias[class] + sum over layers and channels of weight * value. */
export interface Correction {
  layers: readonly Layer[];
  /** Of each layer: [class][channel]. */
  weights: readonly Float32Array[];
  bias: Float32Array;
  /** Classes; those that the network did not have come last, and are told against the likeliest of the others. */
  classes: number;
}

/** The bytes of the taught network. `model` is what `bytes` hold; `names` are those of all classes. */
export function foldHead(
  bytes: Uint8Array,
  model: OnnxModel,
  { logits, side, object }: Teachable,
  correction: Correction,
  names: readonly string[],
): Uint8Array {
  const graph = new Tail(`${TAUGHT}.${countTaught(model)}`);
  const cells = side ** 2;
  let dropNodes = new Set([PLANES]);
  let dropConstants = new Set<string>();
  if (object) {
    const weighed = graph.node('Add', [logits, graph.correction(ofObject(correction, object), side)]);
    graph.node('Sigmoid', [weighed], {}, PLANES);
  } else {
    dropNodes = tailOf(model, logits);
    dropConstants = new Set(
      [...model.constants.keys()].filter((name) =>
        model.nodes.every(({ inputs, outputs }) => dropNodes.has(outputs[0]) || !inputs.includes(name)),
      ),
    );
    const { classes } = correction;
    const before = model.nodes.find(({ op, outputs }) => op === 'Split' && dropNodes.has(outputs[0]))!.outputs.length;
    const known = before === classes ? logits : graph.withNewClasses(logits, before, classes, cells);
    graph.classAndScore(graph.node('Add', [known, graph.correction(correction, side)]), names, side);
  }
  return rewriteGraph(bytes, {
    dropNodes,
    dropConstants,
    nodes: graph.nodes,
    constants: [...graph.constants.values()],
  });
}

/** The other class has the logit 0: what is learnt of both is laid on the object's plane, and nothing on others. */
function ofObject(
  { layers, weights, bias }: Correction,
  { planes, place }: NonNullable<Teachable['object']>,
): Correction {
  return {
    ...{ layers, classes: planes },
    weights: weights.map((each, i) => {
      const { channels } = layers[i];
      const own = new Float32Array(planes * channels);
      for (let f = 0; f < channels; f++) own[place * channels + f] = each[channels + f] - each[f];
      return own;
    }),
    bias: Float32Array.from({ length: planes }, (_, plane) => (plane === place ? bias[1] - bias[0] : 0)),
  };
}

/** All tensors that are made of the logits. */
function tailOf({ nodes }: OnnxModel, logits: string): Set<string> {
  const made = new Set<string>();
  for (let grown = true; grown; ) {
    grown = false;
    for (const { op, inputs, outputs } of nodes) {
      const first = op === 'Split' && inputs[0] === logits && outputs[0].startsWith('logit.');
      if (made.has(outputs[0]) || !(first || inputs.some((name) => made.has(name)))) continue;
      for (const name of outputs) made.add(name);
      grown = true;
    }
  }
  return made;
}

/** How often it was taught before: the names of each time are its own. */
const countTaught = ({ nodes }: OnnxModel): number =>
  new Set(nodes.flatMap(({ outputs }) => /^taught\.(\d+)\./.exec(outputs[0])?.[1] ?? [])).size;

class Tail {
  readonly nodes: NewNode[] = [];
  readonly constants = new Map<string, NewConstant>();
  private readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  node(op: string, inputs: string[], attributes: NewNode['attributes'] = {}, name = this.fresh()): string {
    this.nodes.push({ op, inputs, outputs: [name], attributes });
    return name;
  }

  private fresh(): string {
    return `${this.prefix}.${this.nodes.length}`;
  }

  floats(name: string, values: ArrayLike<number>, dims: readonly number[] = []): string {
    const full = `${this.prefix}.${name}`;
    this.constants.set(full, { name: full, dims, values: Float32Array.from(values) });
    return full;
  }

  whole(name: string, values: readonly number[]): string {
    const full = `${this.prefix}.${name}`;
    const numbers = BigInt64Array.from(values, BigInt);
    this.constants.set(full, { name: full, dims: [values.length], values: numbers });
    return full;
  }

  /** [batch, classes * cells, rows, columns] on the grid of the logits: the same for all pixels of a cell. */
  correction({ layers, weights, bias, classes }: Correction, side: number): string {
    const cells = side ** 2;
    const parts = layers.map(({ name, stride, channels }, i) => {
      const weight = new Float32Array(classes * cells * channels);
      const offset = new Float32Array(classes * cells);
      for (let row = 0; row < classes * cells; row++) {
        const code = Math.floor(row / cells);
        weight.set(weights[i].subarray(code * channels, (code + 1) * channels), row * channels);
        if (i === 0) offset[row] = bias[code];
      }
      const convolved = this.node(
        'Conv',
        [
          name,
          this.floats(`weight.${i}`, weight, [classes * cells, channels, 1, 1]),
          this.floats(`bias.${i}`, offset, [classes * cells]),
        ],
        { kernel_shape: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0], group: 1 },
      );
      if (stride === side) return convolved;
      const scales = this.floats(`scales.${stride / side}`, [1, 1, stride / side, stride / side], [4]);
      return this.node('Resize', [convolved, '', scales], {
        mode: 'nearest',
        nearest_mode: 'floor',
        coordinate_transformation_mode: 'asymmetric',
      });
    });
    return parts.reduce((sum, part) => this.node('Add', [sum, part]));
  }

  /** The logits, and behind them for every new class those of the likeliest of the old ones. */
  withNewClasses(logits: string, before: number, classes: number, cells: number): string {
    const parts = Array.from({ length: before }, (_, i) => `${this.prefix}.before.${i}`);
    this.nodes.push({
      op: 'Split',
      inputs: [
        logits,
        this.whole(
          'cells_before',
          parts.map(() => cells),
        ),
      ],
      outputs: parts,
      attributes: { axis: 1 },
    });
    const best = this.node('Max', parts);
    return this.node('Concat', [logits, ...Array.from({ length: classes - before }, () => best)], { axis: 1 });
  }

  /** The outputs `class` and `score`, written as models/training/graph.py does (class_and_score). */
  classAndScore(weighed: string, names: readonly string[], side: number): void {
    const logits = names.map((_, i) => `logit.${i}`);
    const inputs = [
      weighed,
      this.whole(
        'cells_each',
        names.map(() => side ** 2),
      ),
    ];
    this.nodes.push({ op: 'Split', inputs, outputs: logits, attributes: { axis: 1 } });
    const best = this.node('Max', logits, {}, 'best');
    const shares = logits.map((name) => this.node('Exp', [this.node('Sub', [name, best])]));
    const score = this.node('Div', [this.floats('full_score', [255]), this.node('Sum', shares)]);
    const code = logits.map((_, i) => this.floats(`class.${i}`, [i]));
    const classes = logits
      .slice(0, -1)
      .reduceRight(
        (rest, name, i) => this.node('Where', [this.node('Equal', [name, best]), code[i], rest]),
        code[code.length - 1],
      );
    this.toPixels(classes, 'class', side);
    this.toPixels(this.node('Round', [score]), 'score', side);
  }

  /** Cells [batch, side * side, rows, columns] → bytes [batch, height, width]. */
  private toPixels(cells: string, output: string, side: number): void {
    const pixels = this.node('DepthToSpace', [cells], { blocksize: side, mode: 'CRD' });
    const byte = this.node('Cast', [pixels], { to: 2 });
    this.node('Squeeze', [byte, this.whole('channel_axis', [1])], {}, output);
  }
}
