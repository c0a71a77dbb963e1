import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const SESSION = new URL('./session.ts', import.meta.url).href;
const REGISTRY = new URL('../registry.ts', import.meta.url).href;
const SCRIPT = `
  const { openNetwork } = await import('${SESSION}');
  const { findNetwork } = await import('${REGISTRY}');
  await (await openNetwork(await findNetwork('landuse-unet'))).close();`;

test('a network leaves no identifier of the machine and no usage data behind', () => {
  const folder = mkdtempSync(join(tmpdir(), 'planimeter-ort-'));
  try {
    // Without CI, which alone would keep it quiet.
    const env = { PATH: process.env.PATH, HOME: folder };
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', SCRIPT], {
      cwd: folder,
      env,
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
