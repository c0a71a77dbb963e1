/** Output files that a command line names. */
import {
  ALL_COLLECTIONS,
  EXPORT_FORMATS,
  type Exported,
  type ExportFormat,
  exportFormat,
} from '../server/export/export.ts';
import { OBJECTS, STANDARD } from '../server/store/tables/feature-tables.ts';
import { didYouMean, valued, WrongCall } from './arguments.ts';

/** The format that an output's ending names. Throws a wrong call with the endings that there are. */
export function outputFormat(path: string): ExportFormat {
  const format = exportFormat(path);
  if (format) return format;
  throw new WrongCall(`"${path}" must end in one of ${endings(EXPORT_FORMATS)}`);
}

const endings = (which: readonly ExportFormat[]) => which.map(({ ending }) => ending).join(', ');

export const OUTPUT_HELP = `The extension of OUT selects the format: ${endings(EXPORT_FORMATS)}.
Files of one layer (${endings(EXPORT_FORMATS.filter(({ layered }) => !layered))}) hold land use, a coverage, or what a detector drew;
--collection takes another collection, or all upon each other.
`;

/** How many features of each collection there are, in words. */
export function foundText({ landuse, buildings, roads, objects }: Record<string, number>): string {
  return objects === undefined
    ? `${landuse} areas of land use, ${buildings} buildings, ${roads} stretches of road`
    : `${objects} objects`;
}

export const COLLECTION_OPTION = valued(
  'NAME',
  `${[...STANDARD, OBJECTS].join(', ')} or ${ALL_COLLECTIONS} (see below)`,
);

/** Before hours of work. Throws a wrong call for a collection that the network does not make. */
export function checkCollection(name: string | undefined, detects: boolean): void {
  const known = [...(detects ? [OBJECTS] : STANDARD), ALL_COLLECTIONS];
  if (name === undefined || known.includes(name)) return;
  throw new WrongCall(`--collection takes ${known.join(', ')}; got "${name}".${didYouMean(name, known)}`);
}

/** What the file leaves out, and how it is had; empty where it holds everything. */
export function leftOutNotice(output: string, { written, leftOut }: Exported): string {
  const list = (counts: Record<string, number>) =>
    Object.entries(counts)
      .map(([name, count]) => `${count} of ${name}`)
      .join(', ');
  if (Object.keys(leftOut).length === 0) return '';
  const how = outputFormat(output).layered
    ? 'without --collection it holds a layer of each'
    : `take --collection ${[...Object.keys(leftOut), ALL_COLLECTIONS].join('|')}, or a GeoPackage (.gpkg), which has a layer of each`;
  return `${output} holds ${list(written) || 'nothing'}, and not ${list(leftOut)}: ${how}.\n`;
}

/** Whether the whole job is wanted as one zip. */
export const isPackage = (path: string): boolean => /(?<!\.shp)\.zip$/i.test(path);
