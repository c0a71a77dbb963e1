/** `planimeter inspect IN.tif`: what would be understood of an image, and whether it would be taken. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { listNetworks } from '../models/registry.ts';
import { inspectInSandbox } from '../server/children/sandbox.ts';
import { type Suitability, suitability } from '../server/preflight.ts';
import { openDatabase } from '../server/store/database.ts';
import { georeference } from '../server/store/georeference.ts';
import type { Finding } from '../tiler/ingest.ts';
import { readArguments } from './arguments.ts';
import { inputFile } from './files.ts';

export async function run(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(args, { json: { type: 'boolean' } }, [1, 1]);
  const file = await inputFile(positionals[0]);
  const header = await inspectInSandbox(resolve(file));
  const db = await openDatabase({});
  try {
    const { footprint, gsdMetres } = await georeference(db, header);
    const { epsg, findings, ...rest } = header;
    const gsd_m = Math.sqrt(gsdMetres.x * gsdMetres.y);
    const models = (await listNetworks()).map((network) => suitability({ ...header, gsdMetres }, network));
    const size = (await stat(file)).size;
    const report = { file, size, ...rest, srs: `EPSG:${epsg}`, gsd_m, footprint, findings, models };
    process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : describe(report));
  } finally {
    await db.close();
  }
}

function describe({ findings, models, footprint: _, ...facts }: Described): string {
  const lines = Object.entries(facts).map(([name, value]) => `${name.padEnd(14)} ${plain(value)}`);
  for (const { id, suitable, reason, minutes } of models) {
    lines.push(`${suitable ? 'suits' : 'does not suit'} ${id}: ${reason} About ${plain(minutes)} min.`);
  }
  for (const { severity, message, fix } of findings) lines.push(`${severity}: ${message}${fix ? ` (${fix})` : ''}`);
  return `${lines.join('\n')}\n`;
}

interface Described {
  footprint: unknown;
  findings: readonly Finding[];
  models: readonly Suitability[];
}

const plain = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value));
