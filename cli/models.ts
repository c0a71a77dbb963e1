/** `planimeter models list`: the networks that there are. */
import { listNetworks } from '../models/registry.ts';
import { readArguments, WrongCall } from './arguments.ts';

export async function run(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(args, { json: { type: 'boolean' } }, [1, 1]);
  if (positionals[0] !== 'list') throw new WrongCall(`there is no "models ${positionals[0]}"; use "models list"`);
  const networks = await listNetworks();
  if (values.json) {
    const rows = networks.map(({ modelPath: _, gsdMetres, ...rest }) => ({ ...rest, gsd_m: gsdMetres }));
    process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    return;
  }
  for (const { id, gsdMetres, halo, stride, classes, description } of networks) {
    process.stdout.write(`${id}   ${gsdMetres} m per pixel, halo ${halo}, stride ${stride}\n`);
    process.stdout.write(`  ${classes.map(({ name }) => name).join(', ')}\n  ${description}\n`);
  }
}
