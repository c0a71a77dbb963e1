import { expect, test } from 'vitest';
import { listNetworks, stitchesExactly } from './registry.ts';

test('every shipped network is one whose chips leave no trace', async () => {
  const networks = await listNetworks();
  expect(networks.map(({ id }) => id)).toContain('landuse-unet');
  for (const network of networks) {
    expect(stitchesExactly(network), network.id).toBe(true);
    expect(network.classes.map(({ name }) => name)).toEqual(
      network.planes.length > 0 ? ['other', 'building'] : ['other', 'building', 'road', 'vegetation', 'water'],
    );
    expect(network.sha256).toMatch(/^[0-9a-f]{64}$/);
  }
});

test('a network that looks further than its halo, off its stride, or everywhere, is blended', async () => {
  const [network] = await listNetworks();
  const { halo, stride } = network;
  expect(stitchesExactly({ ...network, halo: halo - stride })).toBe(false);
  expect(stitchesExactly({ ...network, halo: halo + 1 })).toBe(false);
  const everywhere = JSON.parse(JSON.stringify([Number.POSITIVE_INFINITY, 1, 1, 1]));
  expect(stitchesExactly({ ...network, receptiveField: everywhere })).toBe(false);
});
