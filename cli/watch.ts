/** `planimeter watch PLACE`: what lands there is mapped, each image once and in order, and others are told. */
import { mkdir, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { MultiPolygon } from 'geojson';
import { parseDevice } from '../models/runtime/device.ts';
import { withEphemeralEngine } from '../server/ephemeral-engine.ts';
import { exportFormat } from '../server/export/export.ts';
import { parseParameters } from '../server/pipeline/job-parameters.ts';
import { policyOfUser } from '../server/remote/policy.ts';
import { isAddress } from '../server/remote/reader.ts';
import { WEBHOOK_SECRET, type Webhook, webhookSecret } from '../server/remote/webhook.ts';
import { lockFolder } from '../server/store/database/lock.ts';
import type { MappingTools } from '../server/tools.ts';
import {
  DATA_OPTION,
  DEVICE_OPTION,
  flag,
  JSON_OPTION,
  MIN_AREA_OPTION,
  readArguments,
  readNumber,
  SRS_OPTION,
  TOLERANCE_OPTION,
  usageOf,
  valued,
  WrongCall,
} from './arguments.ts';
import { installedNetwork } from './files.ts';
import { readArea } from './mapping/read-area.ts';
import { isPackage, outputFormat } from './output.ts';
import { onSignal } from './signals.ts';
import { oneLine } from './terminal.ts';
import { deliverAll } from './watching/deliver.ts';
import { type Arrival, openLedger } from './watching/ledger.ts';
import { watchBucket } from './watching/watch-bucket.ts';
import { watchFolder } from './watching/watch-folder.ts';
import { rest, watchOn } from './watching/watch-on.ts';
import { watchStac } from './watching/watch-stac.ts';
import type { Watched } from './watching/watched.ts';

const LEDGER = 'ledger.sqlite';
/** Seconds. */
const SETTLE_S = 5;

const OPTIONS = {
  model: valued('ID', 'the network ("planimeter models list")'),
  out: valued('DIR', 'where maps go, and what is known of images (the folder "maps", within one that is watched)'),
  format: valued('.gpkg', 'in which format; .zip is the whole job'),
  aoi: valued('AREA.geojson', 'maps only what lies inside'),
  webhook: valued('URL', `is told of every image, signed with the secret in ${WEBHOOK_SECRET}`),
  settle: valued('SECONDS', `how long a file must not change to count as whole (${SETTLE_S})`),
  marker: valued('ENDING', 'a file counts as whole as soon as NAME+ENDING lies beside it, and never without'),
  asset: valued('KEY', 'the image among the assets of STAC items that have several'),
  once: flag('ends when what is there is mapped and told'),
  retry: flag('tries again what failed'),
  list: flag('shows what became of each image, and maps nothing'),
  device: DEVICE_OPTION,
  'min-area': MIN_AREA_OPTION,
  tolerance: TOLERANCE_OPTION,
  srs: SRS_OPTION,
  data: DATA_OPTION,
  json: JSON_OPTION,
};

export const usage = usageOf(
  [
    'watch DIR --model ID [OPTION…]',
    'watch s3://BUCKET/PREFIX|STAC --model ID [OPTION…]',
    'watch DIR|s3:…|STAC --list [--out DIR] [--json]',
  ],
  OPTIONS,
  `Maps GeoTIFFs, and ZIPs of adjacent ones, that land in the folder or below it, oldest first, until it is stopped.
Each is mapped once, also over restarts: what is known lies in OUT/.planimeter. What lies beside a file belongs to it.
STAC is the address of a collection; its cloud-optimised GeoTIFFs are read where they lie.
`,
);

/** With --once: how often a message is tried. */
const ATTEMPTS_ONCE = 5;
const TOLD_MS = 200;

export async function run(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(args, OPTIONS, ['DIR']);
  const [place] = positionals as [string];
  const given = parseParameters({
    ...(values.aoi !== undefined && { aoi: await readArea(values.aoi) }),
    ...(values['min-area'] !== undefined && { min_area_m2: readNumber('min-area', values['min-area']) }),
    ...(values.tolerance !== undefined && { tolerance_m: readNumber('tolerance', values.tolerance) }),
  });
  const output = resolve(values.out ?? (isAddress(place) ? 'maps' : join(place, 'maps')));
  const own = join(output, '.planimeter');
  const watched = await placeOf(place, values, output, given.aoi);
  const json = values.json === true;
  if (values.list) {
    await list(join(own, LEDGER), watched.place, json);
    return;
  }
  if (values.model === undefined) throw new WrongCall('--model is missing');
  const network = await installedNetwork(values.model, values.data);
  const ending = values.format ?? '.gpkg';
  if (!/^\.[a-z]+$/.test(ending) || ending === '.pmtiles')
    throw new WrongCall('--format takes an extension, such as .gpkg or .fgb, and not .pmtiles');
  const format = isPackage(`map${ending}`) ? exportFormat('.gpkg')! : outputFormat(ending);
  const webhook = values.webhook === undefined ? null : webhookAt(values.webhook);
  const device = parseDevice(values.device ?? process.env.PLANIMETER_DEVICE ?? 'auto');

  await mkdir(own, { recursive: true });
  const unlock = lockFolder(own, 'Stop that process, or give this one another folder with --out.');
  const work = join(own, 'work');
  await mkdir(work, { recursive: true });
  const ledger = openLedger(join(own, LEDGER));
  const stopped = new AbortController();
  const { signal } = stopped;
  onSignal(['SIGINT', 'SIGTERM'], () => stopped.abort());
  const mapping = { network, given, device, format, ending, output, staging: join(own, 'staging') };
  try {
    if (values.retry) process.stderr.write(`${ledger.retry(watched.place)} that failed are tried again\n`);
    process.stderr.write(`Watching ${oneLine(watched.place)}; maps go to ${oneLine(output)}\n`);
    const delivering = webhook && deliverAll(ledger, webhook, signal);
    delivering?.catch(() => stopped.abort()); // thrown below
    const how = { once: values.once === true, json, telling: webhook !== null };
    const failures = await withEphemeralEngine(
      async (open, ready) => {
        const tools: MappingTools = { ...ready, db: { query: async (...asked) => (await open()).db.query(...asked) } };
        return watchOn(tools, { watched, ledger }, mapping, how, signal);
      },
      { device, folder: work, policy: watched.policy },
    );
    while (webhook && !signal.aborted && ledger.undeliveredYet(ATTEMPTS_ONCE) > 0) await rest(TOLD_MS, signal);
    const untold = webhook !== null && ledger.undeliveredYet(Number.POSITIVE_INFINITY) > 0;
    if (!signal.aborted && (failures > 0 || untold)) process.exitCode = 1;
    stopped.abort();
    await delivering;
  } finally {
    ledger.close();
    unlock();
  }
}

type Said = ReturnType<typeof readArguments<typeof OPTIONS>>['values'];

/** What is watched. Throws a wrong call for what cannot be. */
async function placeOf(place: string, said: Said, output: string, aoi: MultiPolygon | undefined): Promise<Watched> {
  const { srs, asset, marker, settle } = said;
  const isStac = /^https?:\/\//i.test(place);
  if (asset !== undefined && !isStac) throw new WrongCall('--asset is for STAC collections');
  if (isAddress(place) && (marker ?? settle) !== undefined)
    throw new WrongCall('--marker and --settle are for folders: elsewhere, files are whole when they are there');
  if (isAddress(place) && !URL.canParse(place)) throw new WrongCall(`"${place}" is no address`);
  if (isStac) return watchStac(place, { srs, asset, aoi });
  if (isAddress(place)) return watchBucket(place, srs);
  if (!(await stat(place).catch(() => null))?.isDirectory()) throw new WrongCall(`"${place}" is no folder`);
  if (!relative(output, resolve(place)).startsWith('..'))
    throw new WrongCall(`--out names a folder of its own, in "${place}" or elsewhere: what is written is not to land`);
  const settleMs = readNumber('settle', settle ?? String(SETTLE_S)) * 1000;
  return watchFolder(place, { leaveOut: output, settleMs, marker, srs });
}

/** Throws a wrong call for an address to which nothing is sent. */
function webhookAt(address: string): Webhook {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (!url || !['https:', 'http:'].includes(url.protocol))
    throw new WrongCall(`--webhook takes an address, https://…; got "${address}"`);
  const policy = policyOfUser(url);
  policy.checkUrl(url);
  return { url, secret: webhookSecret(process.env[WEBHOOK_SECRET]), policy };
}

async function list(path: string, place: string, json: boolean): Promise<void> {
  if (!(await stat(path).catch(() => null))) throw new WrongCall(`nothing of "${place}" was mapped into that folder`);
  const ledger = openLedger(path);
  try {
    for (const arrival of ledger.list(place))
      process.stdout.write(json ? `${JSON.stringify(arrival)}\n` : lineOf(arrival));
    if (!json) {
      const { mapped, waiting, failed } = ledger.counts(place);
      const again = failed > 0 ? '; --retry tries again what failed' : '';
      process.stdout.write(`${mapped} mapped, ${waiting} waiting, ${failed} failed${again}\n`);
    }
  } finally {
    ledger.close();
  }
}

function lineOf({ state, name, result, problem }: Arrival): string {
  const what = result ? `  ${oneLine(result.output)}` : problem ? `  ${problem.detail}` : '';
  return `${state.padEnd(8)} ${oneLine(name)}${what}\n`;
}
