/** `planimeter inspect IN.tif`: what would be understood of an image, and whether it would be taken. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { inspectInSandbox } from '../server/children/sandbox.ts';
import { openDatabase } from '../server/store/database.ts';
import { georeference } from '../server/store/georeference.ts';
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
    const report = { file, size: (await stat(file)).size, ...rest, srs: `EPSG:${epsg}`, gsd_m, footprint, findings };
    process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : describe(report));
  } finally {
    await db.close();
  }
}

function describe(report: object): string {
  const lines = Object.entries(report).map(([name, value]) => `${name.padEnd(14)} ${plain(value)}\n`);
  return lines.join('');
}

const plain = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value));
