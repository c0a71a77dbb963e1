/**
 * The eight-bit twins of the shipped networks, as their graphs stand: ONNX Runtime runs a convolution in eight bits only
 * where it lies between DequantizeLinear of its inputs, weights and biases and QuantizeLinear of its output. One that
 * does not is run in floating point, and the twin is then slower than the network it stands for.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { type OnnxGraph, type OnnxNode, readOnnxFile } from '../onnx/read-onnx.ts';
import { listNetworks } from '../registry.ts';

const POINT = 0.01;
const shipped = (await listNetworks()).filter((network) => network.int8);

/** Nodes of the graph that are no eight-bit convolution though they are convolutions, with what is wrong. */
function notInEightBits(graph: OnnxGraph): string[] {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const consumers = new Map<string, OnnxNode[]>();
  for (const node of graph.nodes) {
    for (const name of node.inputs) consumers.set(name, [...(consumers.get(name) ?? []), node]);
  }
  const outputs = new Set(graph.outputs.map((output) => output.name));
  const wrong: string[] = [];
  for (const node of graph.nodes.filter(({ op }) => op === 'Conv')) {
    for (const [index, input] of node.inputs.entries()) {
      const dequantise = producers.get(input);
      if (dequantise?.op !== 'DequantizeLinear') {
        wrong.push(`${node.name}: input ${index} comes from ${dequantise?.op ?? 'a constant or the outside'}`);
        continue;
      }
      const source = dequantise.inputs[0];
      const type = graph.constants.get(source)?.type;
      const expected = [producers.get(source)?.op === 'QuantizeLinear', type === 'int8', type === 'int32'][index];
      if (!expected)
        wrong.push(`${node.name}: input ${index} is dequantised from ${type ?? producers.get(source)?.op}`);
    }
    const after = consumers.get(node.outputs[0]) ?? [];
    if (after.length !== 1 || after[0].op !== 'QuantizeLinear' || outputs.has(node.outputs[0])) {
      wrong.push(`${node.name}: goes to ${after.map(({ op }) => op).join(', ') || 'the outside'}`);
    }
  }
  return wrong;
}

test('the shipped networks have twins in eight bits', () => {
  expect(shipped.map(({ id }) => id)).toEqual(
    expect.arrayContaining(['buildings-unet', 'landuse-fcn', 'landuse-unet']),
  );
});

test.each(shipped)('every convolution of the twin of $id is in eight bits', async ({ modelPath, int8 }) => {
  const [floats, twin] = await Promise.all([readOnnxFile(modelPath), readOnnxFile(int8!.path)]);
  const convolutions = (graph: OnnxGraph) => graph.nodes.filter(({ op }) => op === 'Conv').length;
  expect(convolutions(twin)).toBeGreaterThan(30);
  expect(convolutions(twin)).toBe(convolutions(floats));
  expect(notInEightBits(twin)).toEqual([]);
  // The same test tells a network in floating point apart.
  expect(notInEightBits(floats).length).toBeGreaterThanOrEqual(convolutions(floats));
});

test.each(shipped)('eight bits cost $id at most a point', async ({ modelPath }) => {
  const { properties } = JSON.parse(await readFile(join(dirname(modelPath), 'manifest.json'), 'utf8'));
  const [floats, twin] = [properties['planimeter:scores'], properties['planimeter:int8_scores']];
  expect(twin.places).toEqual(floats.places);
  expect(twin.miou).toBeGreaterThanOrEqual(floats.miou - POINT);
});
