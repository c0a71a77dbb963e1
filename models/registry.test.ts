import { expect, test } from 'vitest';
import { listNetworks, requireExactStitching } from './registry.ts';

test('every shipped network is one whose chips leave no trace', async () => {
  const networks = await listNetworks();
  expect(networks.map(({ id }) => id)).toContain('landuse-unet');
  for (const network of networks) {
    requireExactStitching(network);
    expect(network.classes.map(({ name }) => name)).toEqual(['other', 'building', 'road', 'vegetation', 'water']);
    expect(network.sha256).toMatch(/^[0-9a-f]{64}$/);
  }
});

test('a network that looks further than its halo, or off its stride, is not run', async () => {
  const [network] = await listNetworks();
  const halo = network.halo;
  expect(() => requireExactStitching({ ...network, halo: halo - network.stride })).toThrow(/it needs 128/);
  expect(() => requireExactStitching({ ...network, halo: halo + 1 })).toThrow(/needs/);
});
