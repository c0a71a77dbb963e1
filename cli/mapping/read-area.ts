/** The file of an area of interest that a command line names. */
import { Problem } from '../../errors/problem.ts';
import { CONVERT_AOI } from '../../server/pipeline/area-of-interest.ts';
import { readText } from '../../tiler/ingest/read-text.ts';
import { inputFile } from '../files.ts';

/** As JSON, which need not be an area. Throws Problem bad_request for what is no JSON. */
export async function readArea(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readText(await inputFile(path)));
  } catch (error) {
    if (error instanceof SyntaxError) throw new Problem('bad_request', `"${path}" is not JSON. ${CONVERT_AOI}`);
    throw error;
  }
}
