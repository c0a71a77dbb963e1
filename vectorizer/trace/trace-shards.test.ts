import { expect, test } from 'vitest';
import {
  type ClassMap,
  NODATA,
  noiseMap,
  randomNumbers,
  smoothMap,
  vectorizeMap,
} from '../../test/support/generated/generated-maps.ts';
import type { VectorizeOptions } from '../region.ts';
import { vectorizeGraph } from '../vectorize.ts';
import { createShardJoiner, createShardTracer, type Shard } from './trace-shards.ts';

const maps = Array.from({ length: 80 }, (_, seed) => {
  const width = 1 + ((seed * 7) % 45);
  const height = 1 + ((seed * 13) % 40);
  return seed % 2 === 0
    ? noiseMap(seed, width, height, 2 + (seed % 5), seed % 3 === 0 ? 0.2 : 0)
    : smoothMap(seed, width, height, 2 + (seed % 5), { nodata: seed % 3 === 0, wrongShare: 0.02, scale: 6 });
});

function shardsOf({ width, height, classes }: ClassMap, rowsOf: () => number): Shard[] {
  const scores = new Uint8Array(classes.length).fill(255);
  const shards: Shard[] = [];
  for (let y = 0; y < height; ) {
    const rows = Math.min(rowsOf(), height - y);
    const [from, to] = [y * width, (y + rows) * width];
    const tracer = createShardTracer(width);
    tracer.addRows(rows, classes.subarray(from, to), scores.subarray(from, to));
    shards.push(structuredClone(tracer.finish())); // as if it came from another thread
    y += rows;
  }
  return shards;
}

function joinShards(shards: Shard[]) {
  const joiner = createShardJoiner();
  for (const shard of shards) joiner.append(shard);
  return joiner.finish();
}

test.each(maps.keys().toArray())('any cutting gives the same bytes (seed %i)', async (seed) => {
  const map = maps[seed];
  const random = randomNumbers(seed);
  const cuttings = [() => 1, () => 2, () => map.height, () => 1 + Math.floor(9 * random())];
  for (const simplified of [false, true]) {
    const options: VectorizeOptions = {
      ...{ width: map.width, height: map.height, pixelAreaM2: 1, nodata: NODATA },
      ...(simplified
        ? { minAreaM2: 4, minWidthPixels: 1, tolerancePixels: 1.5 }
        : { minAreaM2: 0, tolerancePixels: 0 }),
    };
    const whole = await vectorizeMap(map, options);
    for (const rowsOf of cuttings) {
      const { regions, report } = vectorizeGraph(joinShards(shardsOf(map, rowsOf)), options);
      expect({ regions: [...regions], report }).toEqual(whole);
    }
  }
});

test('large maps, too', async () => {
  for (const map of [noiseMap(3, 260, 240, 6), smoothMap(4, 700, 500, 4, { scale: 30, wrongShare: 0.01 })]) {
    const whole = await vectorizeMap(map);
    const joined = joinShards(shardsOf(map, () => 64));
    const options = { width: map.width, height: map.height, pixelAreaM2: 1, minAreaM2: 0, tolerancePixels: 0 };
    const { regions, report } = vectorizeGraph(joined, { ...options, nodata: NODATA });
    expect(report).toEqual(whole.report);
    for (const [i, region] of [...regions].entries()) expect(region).toEqual(whole.regions[i]);
  }
});

test('shards of other widths, and none, are refused', async () => {
  const shards = [...shardsOf(noiseMap(1, 5, 4, 3), () => 2), ...shardsOf(noiseMap(1, 6, 4, 3), () => 2)];
  expect(() => joinShards(shards)).toThrow('expected shards 5 pixels wide, got 6');
  expect(() => joinShards([])).toThrow('expected at least one shard, got 0');
  expect(() => createShardTracer(5).finish()).toThrow('expected at least one row');
});
