/** Output files that a command line names. */
import { EXPORT_FORMATS, type ExportFormat, exportFormat } from '../server/export/export.ts';
import { WrongCall } from './arguments.ts';

/** The format that an output's ending names. Throws a wrong call with the endings that there are. */
export function outputFormat(path: string): ExportFormat {
  const format = exportFormat(path);
  if (format) return format;
  const endings = EXPORT_FORMATS.map(({ ending }) => ending).join(', ');
  throw new WrongCall(`"${path}" must end in one of ${endings}`);
}

export const OUTPUT_HELP = `The extension of OUT selects the format: ${EXPORT_FORMATS.map(({ ending }) => ending).join(', ')}.
`;

/** How many features of each collection there are, in words. */
export function foundText({ landuse, buildings, roads, objects }: Record<string, number>): string {
  return objects === undefined
    ? `${landuse} areas of land use, ${buildings} buildings, ${roads} stretches of road`
    : `${objects} objects`;
}

/** Whether the whole job is wanted as one zip. */
export const isPackage = (path: string): boolean => /(?<!\.shp)\.zip$/i.test(path);
