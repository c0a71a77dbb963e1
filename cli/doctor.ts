/** `planimeter doctor`: looks whether everything is there that the service needs, and says what to do where it is not. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { access, constants, mkdir, stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Problem } from '../errors/problem.ts';
import { findNetwork } from '../models/registry.ts';
import { candidates, type DeviceChoice, parseDevice } from '../models/runtime/device.ts';
import { openNetwork } from '../models/runtime/session.ts';
import { DEFAULT_NETWORK } from '../server/networks/choose-network.ts';
import { checkDeeply, type DeepCheck } from '../server/operations/deep-check.ts';
import { parseRemoteHosts, REMOTE_HOSTS } from '../server/remote/policy.ts';
import { repair } from '../server/repair.ts';
import { openDatabase } from '../server/store/database/open-database.ts';
import { prepareScript } from '../server/store/database/prepare-script.ts';
import {
  DEFAULT_WORKSPACE,
  requireRowLevelSecurity,
  TO_PREPARE,
  unmarkedFunctions,
} from '../server/store/database/row-level-security.ts';
import { checkedFileStore } from '../server/store/files/checked-files.ts';
import { checkStore, openFileStore } from '../server/store/files/open-file-store.ts';
import { probeFileStore } from '../server/store/files/probe-file-store.ts';
import { imageFormats } from '../tiler/images/rgb-image.ts';
import {
  DATA_OPTION,
  DEVICE_OPTION,
  flag,
  JSON_OPTION,
  readArguments,
  readNumber,
  usageOf,
  WrongCall,
} from './arguments.ts';
import { dataFolder } from './files.ts';

type Asked = ReturnType<typeof readArguments<typeof OPTIONS>>['values'];

interface Check {
  name: string;
  ok: boolean;
  /** What was found and, where it is not well, what to do. */
  message: string;
}

const MIN_FREE_BYTES = 5 * 2 ** 30;
const MAX_SKEW_SECONDS = 5;

const OPTIONS = {
  deep: flag('compares everything that is stored with what it is to be, instead'),
  sql: flag('prints what the administrator of the PostgreSQL of DATABASE_URL runs once for its login, instead'),
  repair: flag('with --deep: makes again what can be made again; no service may have the data folder'),
  data: DATA_OPTION,
  device: DEVICE_OPTION,
  json: JSON_OPTION,
};

export const usage = usageOf(
  ['doctor [--data DIR] [--device D] [--json]', 'doctor --deep [--repair] [--data DIR] [--json]', 'doctor --sql'],
  OPTIONS,
  'It reads the settings of serve, and ends with status 1 where something is amiss.\n',
);

export async function run(args: string[]): Promise<void> {
  const { values } = readArguments(args, OPTIONS);
  const device = parseDevice(values.device ?? process.env.PLANIMETER_DEVICE ?? 'auto');
  if (values.repair && !values.deep) throw new WrongCall('--repair goes with --deep');
  if (values.sql) return printSql();
  if (values.deep) return lookDeeply(values);
  const place = dataFolder(values.data);
  const checks = [
    await check('Node', () => process.versions.node),
    await check('images', images),
    await check('network', () => network(device)),
    await check('database', database),
    await check('data folder', () => folder(place)),
    await check('store', () => probeFileStore(place, process.env.PLANIMETER_STORE, process.env)),
    await check('port', port),
    await check('images elsewhere', elsewhere),
    await check('clock', clock),
  ];
  if (values.json) process.stdout.write(`${JSON.stringify(checks)}\n`);
  else for (const { name, ok, message } of checks) process.stdout.write(`${ok ? 'ok ' : 'BAD'} ${name}: ${message}\n`);
  if (checks.some(({ ok }) => !ok)) process.exitCode = 1;
}

function printSql(): void {
  const url = process.env.DATABASE_URL;
  if (!url) throw new WrongCall('--sql is for a PostgreSQL: set DATABASE_URL; the embedded database needs nothing');
  process.stdout.write(prepareScript(url));
}

/** Everything that is stored, one by one: where something is damaged, what to do. */
async function lookDeeply({ data, repair: mends, json, device }: Asked): Promise<void> {
  const { DATABASE_URL: databaseUrl, PLANIMETER_STORE: store } = process.env;
  const folder = dataFolder(data);
  const say = (line: string) => process.stdout.write(json ? '' : `${line}\n`);
  if (!databaseUrl && !existsSync(join(folder, 'database'))) {
    throw new Problem('bad_request', `There is no database in ${folder}: name the data folder with --data.`);
  }
  const found = mends
    ? await repair(
        {
          ...{ dataFolder: folder, databaseUrl, store, device: device ?? process.env.PLANIMETER_DEVICE ?? 'auto' },
          remotePolicy: parseRemoteHosts(process.env[REMOTE_HOSTS]),
        },
        say,
      )
    : await look(folder, databaseUrl, store);
  const { damages, jobs, files, recorded } = found;
  if (json) process.stdout.write(`${JSON.stringify(found)}\n`);
  for (const { kind, name, damage, remedy } of damages) say(`BAD ${kind} ${name}: ${damage}. ${remedy}`);
  for (const key of recorded) say(`new ${key}: recorded, not verified: it was stored before there were hashes`);
  say(`${jobs} jobs counted, ${files} files compared, ${recorded.length} recorded, ${damages.length} damaged`);
  if (damages.length > 0) process.exitCode = 1;
}

async function look(folder: string, url: string | undefined, store: string | undefined): Promise<DeepCheck> {
  const db = await openDatabase(url ? { url } : { folder: join(folder, 'database') });
  try {
    const files = checkedFileStore(openFileStore(folder, store), db);
    await checkStore(db, files);
    return await checkDeeply(db, files);
  } finally {
    await db.close();
  }
}

/** `look` returns what it found, and throws what to do. */
async function check(name: string, look: () => Promise<string> | string): Promise<Check> {
  try {
    return { name, ok: true, message: await look() };
  } catch (error) {
    return { name, ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}

function images(): string {
  const missing = ['jpeg', 'webp', 'png'].filter((format) => !imageFormats().includes(format));
  if (missing.length === 0) return 'JPEG, WebP and PNG are read and written';
  throw new Error(`sharp cannot write ${missing.join(', ')}; install again with --include=optional`);
}

async function network(wanted: DeviceChoice): Promise<string> {
  const session = await openNetwork(await findNetwork(DEFAULT_NETWORK), { threads: 1, device: wanted });
  const { device, fallbackNodes } = session;
  await session.close();
  return `${DEFAULT_NETWORK} runs on ${device} (providers here: ${candidates().join(', ')})${fallbackNodes > 0 ? `, ${fallbackNodes} of its nodes on the CPU` : ''}`;
}

async function database(): Promise<string> {
  const url = process.env.DATABASE_URL;
  const db = await openDatabase(url ? { url } : {});
  try {
    const before = Date.now();
    const [{ version, server, now }] = (await db.query(
      `SELECT PostGIS_Lib_Version() AS version, current_setting('server_version') AS server,
              extract(epoch FROM clock_timestamp())::float8 * 1000 AS now`,
    )) as [{ version: string; server: string; now: number }];
    const skew = (now - (before + Date.now()) / 2) / 1000;
    if (Math.abs(skew) > MAX_SKEW_SECONDS) {
      throw new Error(
        `its clock is ${skew.toFixed(1)} s off ours: tokens and heartbeats go wrong; turn on NTP on both`,
      );
    }
    await requireRowLevelSecurity(db);
    const kind = url ? 'PostgreSQL of DATABASE_URL' : 'embedded PostgreSQL';
    const workspaces = db.confinement
      ? 'workspaces are kept apart'
      : `it has the workspace "${DEFAULT_WORKSPACE}" alone; for others ${TO_PREPARE}`;
    const unmarked = (await unmarkedFunctions(db)).length > 0;
    const slow = unmarked ? `; requests by place are slow: ${TO_PREPARE}` : '';
    return `${kind} ${server}, PostGIS ${version}, clocks agree, ${workspaces}${slow}`;
  } finally {
    await db.close();
  }
}

async function folder(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  await access(path, constants.R_OK | constants.W_OK | constants.X_OK).catch(() => {
    throw new Error(`${path} cannot be read and written by this user; chown or chmod it, or name another with --data`);
  });
  const { mode } = await stat(path);
  if (process.platform !== 'win32' && (mode & 0o002) !== 0) {
    throw new Error(`everybody on this machine may write to ${path}; chmod o-w it`);
  }
  const { bavail, bsize } = await statfs(path);
  const free = `${((Number(bavail) * bsize) / 2 ** 30).toFixed(1)} GB free at ${path}`;
  if (Number(bavail) * bsize < MIN_FREE_BYTES) throw new Error(`only ${free}; make room, or name another with --data`);
  return free;
}

/** Whether `serve` could listen, or a Planimeter does. */
async function port(): Promise<string> {
  const host = process.env.HOST ?? '127.0.0.1';
  const number = readNumber('PORT', process.env.PORT ?? '8080');
  const server = createServer();
  const taken = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
    server.once('error', resolve);
    server.listen(number, host, () => resolve(null));
  });
  server.close();
  if (!taken) return `${number} on ${host} is free`;
  if (taken.code === 'EACCES')
    throw new Error(`${number} on ${host} is not for this user; take one above 1023 with PORT`);
  if (taken.code !== 'EADDRINUSE') throw new Error(`${host}:${number}: ${taken.message}; look at HOST and PORT`);
  const there = await fetch(`http://${host}:${number}/health`)
    .then((answer) => answer.json())
    .catch(() => null);
  if (there && typeof there === 'object' && 'device' in there) return `a Planimeter answers on ${host}:${number}`;
  throw new Error(`another program listens on ${host}:${number}; end it, or name another port with PORT or --port`);
}

function elsewhere(): string {
  const hosts = process.env[REMOTE_HOSTS]?.trim();
  if (!parseRemoteHosts(hosts)) return `not read; to read some where they lie, name their hosts in ${REMOTE_HOSTS}`;
  if (!hosts!.includes('s3://')) return `read from ${hosts}`;
  const { AWS_ACCESS_KEY_ID: key, AWS_SECRET_ACCESS_KEY: secret } = process.env;
  if (key && !secret) throw new Error('AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not; set both or neither');
  return `read from ${hosts}, ${key ? 'signed' : 'unsigned: public buckets alone'}`;
}

/** Signed addresses and certificates are refused when the clock is wrong. */
function clock(): string {
  const now = new Date();
  const answer = spawnSync('timedatectl', ['show', '--property=NTPSynchronized', '--value'], { encoding: 'utf8' });
  const synchronized = answer.status === 0 ? answer.stdout.trim() : '';
  if (now.getUTCFullYear() < 2026) throw new Error(`it is ${now.toISOString()} here; set the clock`);
  if (synchronized === 'no') throw new Error('not synchronised; turn on NTP: timedatectl set-ntp true');
  return `${now.toISOString()}${synchronized === 'yes' ? ', synchronised' : ''}`;
}
