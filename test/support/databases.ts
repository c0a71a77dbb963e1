/**
 * The two engines for tests: PGlite, and a private PostgreSQL + PostGIS cluster made from Debian's packages, which are
 * found or (as root on Debian) installed. `setup` is for vitest's `globalSetup`: one cluster serves a whole run.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { Database } from '../../server/store/database/database.ts';
import { openDatabase } from '../../server/store/database/open-database.ts';

const URL_VARIABLE = 'PLANIMETER_TEST_POSTGRESQL';

/** Starts the cluster, puts its URL into the environment, and returns what removes it. */
export async function setup(): Promise<() => Promise<void>> {
  const cluster = await startCluster('-c synchronous_commit=off');
  if (cluster) process.env[URL_VARIABLE] = cluster.url;
  return async () => cluster?.stop();
}

export interface TestEngine {
  name: 'pglite' | 'postgresql';
  /** A migrated, empty database of its own. */
  open(): Promise<{ db: Database; url: string | undefined; drop(): Promise<void> }>;
}

/** The engines to run a suite on; PostgreSQL only where `setup` found one. */
export function testEngines(): TestEngine[] {
  const engines: TestEngine[] = [{ name: 'pglite', open: openEmbedded }];
  const server = process.env[URL_VARIABLE];
  if (server) engines.push({ name: 'postgresql', open: () => openOnServer(server) });
  return engines;
}

/** The same with the embedded database on disk, where it outlives its worker thread. */
export function lastingEngines(): TestEngine[] {
  return testEngines().map((engine) => (engine.name === 'pglite' ? { name: engine.name, open: openOnDisk } : engine));
}

async function openOnDisk() {
  const folder = mkdtempSync(join(tmpdir(), 'planimeter-database-'));
  const db = await openDatabase({ folder });
  const drop = async () => {
    await db.close();
    rmSync(folder, { recursive: true });
  };
  return { db, url: undefined, drop };
}

/** A statement without end, which never looks at a clock. */
export const RUNAWAY = 'SELECT count(*) FROM generate_series(1, 1000000) AS a, generate_series(1, 1000000) AS b';

async function openEmbedded() {
  const db = await openDatabase({});
  return { db, url: undefined, drop: () => db.close() };
}

/** A database of its own on a server. */
export async function openOnServer(server: string) {
  const name = `planimeter_${randomUUID().replaceAll('-', '')}`;
  await administer(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const db = await openDatabase({ url: url.href });
  const drop = async () => {
    await db.close();
    await administer(server, `DROP DATABASE ${name} WITH (FORCE)`);
  };
  return { db, url: url.href, drop };
}

async function administer(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

export interface Cluster {
  url: string;
  /** Kills one of its processes with kill -9: all connections break, and the server recovers from its log. */
  crash(): void;
  stop(): Promise<void>;
}

/** A new cluster on a free port of 127.0.0.1, or null (said loudly) where there can be none; with CI=true that throws. */
export async function startCluster(more = ''): Promise<Cluster | null> {
  try {
    return await createCluster(findBinaries() ?? installBinaries(), more);
  } catch (error) {
    const reason = `no PostgreSQL with PostGIS: ${(error as Error).message}`;
    if (process.env.CI === 'true') throw new Error(reason, { cause: error });
    console.error(`SKIPPED: all tests on PostgreSQL: ${reason}`);
    return null;
  }
}

/** The folder of the newest PostgreSQL that has PostGIS. */
function findBinaries(): string | null {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).map(Number).filter(Number.isFinite) : [];
  const version = versions
    .sort((a, b) => b - a)
    .find(
      (v) =>
        existsSync(join(root, `${v}/bin/postgres`)) &&
        existsSync(`/usr/share/postgresql/${v}/extension/postgis.control`),
    );
  return version === undefined ? null : join(root, String(version), 'bin');
}

function installBinaries(): string {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new Error("install Debian's packages postgresql and postgresql-postgis, or run as root on Debian");
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args: string[]) => spawnSync('apt-get', args, { env, encoding: 'utf8', timeout: 600_000 });
  apt('update', '-q');
  const result = apt('install', '-y', '-q', '--no-install-recommends', 'postgresql-postgis');
  const folder = findBinaries();
  if (!folder) throw new Error(`apt-get install postgresql-postgis: ${result.stderr || result.error}`);
  return folder;
}

async function createCluster(binaries: string, more: string): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'planimeter-postgresql-'));
  const data = join(folder, 'data');
  // PostgreSQL refuses to run as root; Debian's package has made a user for it.
  const asRoot = process.getuid?.() === 0;
  const run = (program: string, ...args: string[]) => {
    const command = [join(binaries, program), ...args];
    if (asRoot) command.unshift('runuser', '-u', 'postgres', '--');
    return execFileSync(command[0]!, command.slice(1), { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
  };
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    if (asRoot) {
      const uid = Number(execFileSync('id', ['-u', 'postgres'], { encoding: 'utf8' }));
      chownSync(folder, uid, -1);
    }
    chmodSync(folder, 0o700);
    run('initdb', '-D', data, '-U', 'planimeter', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync');
    const port = await freePort();
    const settings = `-p ${port} -h 127.0.0.1 -k ${folder} -F -c full_page_writes=off ${more}`;
    run('pg_ctl', '-D', data, '-l', join(folder, 'log'), '-o', settings, '-w', '-s', 'start');
    return {
      url: `postgresql://planimeter@127.0.0.1:${port}/postgres`,
      crash() {
        const [postmaster] = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
        const children = spawnSync('ps', ['-o', 'pid=,args=', '--ppid', postmaster!], { encoding: 'utf8' }).stdout;
        const backend = children.split('\n').find((line) => line.includes(' planimeter '));
        if (backend) process.kill(Number.parseInt(backend, 10), 'SIGKILL');
      },
      stop: async () => {
        run('pg_ctl', '-D', data, '-m', 'immediate', '-w', '-s', 'stop');
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
