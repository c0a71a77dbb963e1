/** A chip that cannot be computed is told everywhere: in the report, as a finding, and on the map as an area. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findNetwork, networkFolders } from '../../models/registry.ts';
import { fetchJson, startService } from '../../test/support/http-service.ts';
import { frailNetwork, slowNetwork } from '../../test/support/networks/crashing-network.ts';
import { mapped, sceneOf, writePatches } from '../../test/support/scene.ts';
import type { FailedChip, FailedJson } from '../api/index.ts';
import { withEphemeralEngine } from '../ephemeral-engine.ts';
import { addNetwork } from '../networks/install-network.ts';

const [WIDTH, HEIGHT] = [200, 168];
const RED = { x: 100, y: 80, side: 2, colour: [255, 0, 0] } as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-failed-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('failed chips are areas on the map, and the job may be tried again', async () => {
  const path = join(folder, 'frail.onnx');
  await writeFile(path, frailNetwork());
  await addNetwork(folder, path, { said: { gsdMetres: 0.5 } });
  const image = join(folder, 'scene.tif');
  await writePatches(image, { width: WIDTH, height: HEIGHT }, [RED]);
  await withEphemeralEngine(async (open) => {
    const tools = await open();
    const scene = await sceneOf(tools, image);
    const report = await mapped(tools, scene, await findNetwork('frail', networkFolders(folder)));
    const { failed, done } = report.ledger;
    expect(Object.values(report.ledger).reduce((a, b) => a + b)).toBe(WIDTH * HEIGHT);
    expect([failed > 0, done > failed]).toEqual([true, true]);
    expect(report.findings?.map(({ code }) => code)).toContain('chips_failed');
    const chips = report.chips!.failed!;
    expect(chips.reduce((sum, { width, height }) => sum + width * height, 0)).toBe(failed);
    expect(chips.some((chip) => holds(chip, RED))).toBe(true);

    const service = await startService(tools.db, { files: tools.files });
    try {
      const job = `${service.address}/jobs/${report.job}`;
      const { features } = (await fetchJson(`${job}/failed.geojson`)).body as FailedJson;
      expect(features.length).toBe(chips.length);
      const [west, south, east, north] = scene.bbox;
      const widths = features.map(({ geometry }, i) => {
        const lons = geometry.coordinates[0].map(([lon]) => lon);
        const lats = geometry.coordinates[0].map(([, lat]) => lat);
        const left = (Math.min(...lons) - west) / (east - west);
        const top = (north - Math.max(...lats)) / (north - south);
        expect([left * WIDTH, top * HEIGHT].map(Math.round)).toEqual([chips[i].x, chips[i].y]);
        return ((Math.max(...lons) - Math.min(...lons)) / (east - west)) * WIDTH;
      });
      expect(widths.map(Math.round)).toEqual(chips.map(({ width }) => width));
      expect(features[0].properties.reason).toMatch(/out of data bounds/);
      expect((await fetchJson(`${job}/retry`, { method: 'POST' })).status).toBe(202);
      expect(service.queue.calls).toEqual([`retry ${report.job}`]);
    } finally {
      await service.close();
    }
  });
}, 120_000);

test.skipIf(process.env.PLANIMETER_FULL !== '1')(
  'a chip over which the network works for too long is given up, and the others are there',
  { timeout: 400_000 },
  async () => {
    const path = join(folder, 'slow.onnx');
    await writeFile(path, slowNetwork());
    await addNetwork(folder, path, { said: { gsdMetres: 0.5 } });
    const image = join(folder, 'corner.tif');
    await writePatches(image, { width: WIDTH, height: HEIGHT }, [{ ...RED, x: 1, y: 1 }]);
    process.env.PLANIMETER_MAX_CHIP_SECONDS = '15';
    try {
      await withEphemeralEngine(async (open) => {
        const tools = await open();
        const network = await findNetwork('slow', networkFolders(folder));
        const { ledger, chips } = await mapped(tools, await sceneOf(tools, image), network);
        expect([ledger.failed > 0, ledger.done > ledger.failed, ledger.pending]).toEqual([true, true, 0]);
        expect(chips!.failed!.every((chip) => holds(chip, { x: 1, y: 1 }))).toBe(true);
      });
    } finally {
      delete process.env.PLANIMETER_MAX_CHIP_SECONDS;
    }
  },
);

const holds = ({ x, y, width, height }: FailedChip, at: { x: number; y: number }) =>
  at.x >= x && at.y >= y && at.x < x + width && at.y < y + height;
