/** What a browser loads before it shows the panel, MapLibre apart: small, so that the viewer is there at once. */
import { gzipSync } from 'node:zlib';
import { build, type Rollup } from 'vite';
import { expect, test, vi } from 'vitest';

const LIMIT_BYTES = 60_000;

test('the first load is under 60 kB gzipped before MapLibre', async () => {
  vi.stubEnv('NODE_ENV', 'production');
  const { output } = (await build({
    configFile: new URL('vite.config.ts', import.meta.url).pathname,
    logLevel: 'error',
    build: { write: false },
  })) as Rollup.RollupOutput;
  const chunks = output.filter((file) => file.type === 'chunk');
  const entry = chunks.find(({ isEntry, name }) => isEntry && name === 'index')!;
  const first = [entry, ...chunks.filter(({ fileName }) => entry.imports.includes(fileName))];
  const own = first.filter(({ name }) => name !== 'maplibre');
  expect(own.length).toBe(first.length - 1);
  const styles = output.filter(({ fileName }) => /index-[^/]*\.css$/.test(fileName));
  const bytes = [...own.map(({ code }) => code), ...styles.map((file) => ('source' in file ? file.source : ''))]
    .map((text) => gzipSync(text).length)
    .reduce((sum, each) => sum + each, 0);
  console.log(`first load before MapLibre: ${(bytes / 1000).toFixed(1)} kB gzipped`);
  expect(bytes).toBeLessThan(LIMIT_BYTES);
}, 60_000);
