/** Picks the command, and turns what it throws into a message and an exit status. */
import { Problem } from '../errors/problem.ts';
import { WrongCall } from './arguments.ts';

const USAGE = `planimeter: maps from aerial and satellite imagery

  planimeter serve [--port N] [--host H] [--data DIR]     the service with its viewer
  planimeter worker [--data DIR] [--device D] [--port N]  one more process that computes for a service;
                                                         /health and /metrics at that port
  planimeter segment IN.tif… OUT [--model ID] [--device D] [--classes C.tif] [--scores S.tif]
                     [--report R.json] [--min-area M2] [--tolerance M] [--bands 4,3,2]
                     [--stretch none|percentile|LOW:HIGH] [--srs EPSG:CODE] [--aoi AREA.geojson]
                     [--license SPDX|ADDRESS|WORDS] [--attribution "© …"]
                     [--features F.tif] [--json]
                                                         one image or adjacent ones, no server
  planimeter inspect IN.tif… [--srs EPSG:CODE] [--json]   what would be understood of an image
  planimeter vectorize CLASSES.tif OUT [--buildings N] [--roads N] [--water N]
                     [--min-area M2] [--tolerance M]      a class map, N being class codes
  planimeter evaluate --predicted A.tif --truth B.tif [--scores S.tif] [--html R.html] [--json]
  planimeter evaluate --model ID --images DIR --masks DIR [--gsd M] [--html R.html] [--json]
  planimeter models list [--json]                         the networks
  planimeter models add X.onnx|FOLDER [--id ID] [--name N] [--gsd M] [--classes a,b] [--task segmentation|detection]
                     [--divide-by N] [--mean a,b,c] [--std a,b,c] [--bands rgb|bgr|NAMES] [--threshold P]
                     [--activation sigmoid|softmax|none] [--confidence P] [--overlap P] [--json]
                                                         a network of yours, tried out first
  planimeter models inspect ID|X.onnx [--scene IN.tif] [--json]
                                                         what is understood of a network, what halos are worth
  planimeter models bench ID [--json]                     how fast it is here, by chip size
  planimeter models remove ID                             a network that was added
  planimeter prove JOB [--data DIR | --url URL] [--seed N] [--windows N] [--json]
                                                         windows of a job's map once more, in one pass
  planimeter tokens create NAME [--role viewer|editor|admin] [--workspace W] [--days N] [--data DIR] [--json]
  planimeter tokens list|revoke ID                        who may use the service; without tokens this machine alone
  planimeter audit [--workspace W] [--limit N] [--data DIR] [--json]
                                                         who did what with whose data
  planimeter doctor [--data DIR] [--device D] [--json]    whether everything is there that it needs
  planimeter reap [--dry-run] [--grace HOURS] [--data DIR] [--json]
                                                         removes what nothing refers to; the service does so hourly
  planimeter demo [IN.tif] [--once]                       the whole way on a generated town

IN.tif may be the address of a cloud-optimised GeoTIFF, https://… or s3://…; it is read where it lies.
OUT by its ending: .gpkg (a layer a collection), .geojson, .geojsonl, .fgb, .parquet, .pmtiles, .shp.zip, .csv;
                   of segment also .zip: features, maps, report, licence and a README
serve and worker read settings from the environment, among them DATABASE_URL, PLANIMETER_STORE, PLANIMETER_DEVICE and the
limits PLANIMETER_MAX_UPLOAD_BYTES, _MAX_BYTES, _MAX_JOBS, _MAX_PIXELS_A_DAY: see docs/operator.md.
Exit status: 0 done, 2 wrong call, 3 the input was refused, 1 anything else.
`;

/** One file a command; loaded when asked for, so that each starts quickly. */
const COMMANDS: Record<string, () => Promise<{ run(args: string[]): Promise<void> }>> = {
  serve: () => import('./serve.ts'),
  worker: () => import('./worker.ts'),
  tokens: () => import('./tokens.ts'),
  audit: () => import('./audit.ts'),
  segment: () => import('./segment.ts'),
  inspect: () => import('./inspect.ts'),
  vectorize: () => import('./vectorize.ts'),
  evaluate: () => import('./evaluate.ts'),
  models: () => import('./models.ts'),
  prove: () => import('./prove.ts'),
  reap: () => import('./reap.ts'),
  doctor: () => import('./doctor.ts'),
  demo: () => import('./demo.ts'),
};

/** Runs the program; sets the exit status. */
export async function main(args: string[]): Promise<void> {
  const [command = '--help', ...rest] = args;
  if (['--help', '-h', 'help'].includes(command) || rest.includes('--help')) {
    process.stdout.write(USAGE);
    return;
  }
  try {
    const load = COMMANDS[command];
    if (!load) throw new WrongCall(`there is no command "${command}"`);
    await (await load()).run(rest);
  } catch (error) {
    process.exitCode = report(error, rest.includes('--json'));
  }
}

function report(error: unknown, json: boolean): number {
  if (error instanceof Problem) {
    const problem = error.toJSON();
    process.stderr.write(json ? `${JSON.stringify(problem)}\n` : `${problem.title}. ${problem.detail}\n`);
    return 3;
  }
  if (error instanceof WrongCall) {
    process.stderr.write(`planimeter: ${error.message}\nSee "planimeter --help".\n`);
    return 2;
  }
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  return 1;
}
