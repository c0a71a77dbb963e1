/** What commands read of the environment, in one list. */
import { columns, nearest } from './arguments.ts';

/** Settings by the name of their variable; in brackets what holds without it. */
export const SETTINGS = {
  HOST: 'where serve listens, and a worker with --port (127.0.0.1)',
  PORT: 'the port of serve (8080)',
  DATABASE_URL: 'a PostgreSQL with PostGIS (an embedded one)',
  PLANIMETER_DATA: 'the data folder (.planimeter)',
  PLANIMETER_STORE: 'file: URL of a folder, or s3: URL of a bucket, that workers share (the data folder)',
  PLANIMETER_DEVICE: 'auto, cpu, webgpu or cuda[:N] (auto)',
  PLANIMETER_TOKEN: 'the token that prove --url sends',
  PLANIMETER_WEBHOOK_SECRET: 'base64 of 24 to 64 random bytes, by which watch signs what it tells (none)',
  PLANIMETER_METRICS_TOKEN: 'a token that opens /metrics of serve alone, also while the database is down (none)',
  PLANIMETER_BASEMAP: 'a MapLibre style to lie under the map (none)',
  PLANIMETER_PUBLIC_URL: 'where clients reach serve behind a proxy, path included (as each request says)',
  PLANIMETER_TRUSTED_PROXIES: 'addresses and networks of proxies that may say who asks and how (loopback)',
  PLANIMETER_REMOTE_HOSTS: 'hosts and buckets that images may be read from where they lie (none)',
  PLANIMETER_SHARD_HEIGHT: "least height of a job's shard, in pixels of the network's size (2048)",
  PLANIMETER_MIN_FREE_BYTES: 'bytes of the disk that stay free: with less, work waits (32 MiB)',
  PLANIMETER_MAX_CHIP_SECONDS: 'how long a job may go on without finishing a chip (1800)',
  PLANIMETER_CHECK_DAYS: 'within how many days each stored file is compared once with its hash, 0 for never (7)',
  PLANIMETER_MAX_UPLOAD_BYTES: 'one uploaded file (64 GiB)',
  PLANIMETER_MAX_BYTES: 'what is stored for a workspace, where there are tokens (1 TiB)',
  PLANIMETER_MAX_SCENES: "a workspace's images, where there are tokens (100000)",
  PLANIMETER_MAX_TOKENS: 'tokens of a workspace (1000)',
  PLANIMETER_MAX_SHARES: "a workspace's share links, where there are tokens (1000)",
  PLANIMETER_MAX_LABELS: "a workspace's labels to teach networks by, where there are tokens (100000)",
  PLANIMETER_MAX_JOBS: "a workspace's jobs under way, where there are tokens (100)",
  PLANIMETER_MAX_PIXELS_A_DAY: 'pixels that a workspace maps in a day, where there are tokens (10¹²)',
  PLANIMETER_MAX_REQUESTS_A_MINUTE: 'requests of one token (6000)',
  PLANIMETER_MAX_WRONG_TOKENS_A_MINUTE: 'wrong tokens from one address (30)',
  PLANIMETER_MAX_HEAVY_REQUESTS: 'requests at a time that may take long, such as sums by zones and exports (8)',
  PLANIMETER_MAX_HEAVY_REQUESTS_OF_ONE: 'those of one token or one link (4)',
  PLANIMETER_STATEMENT_TIMEOUT: 'seconds that the database may take over a statement of a request (30)',
  'AWS_…': 'endpoint, region and credentials of buckets, by their usual names',
  LOG_LEVEL: 'trace, debug, info, warn, error, fatal or silent (info)',
  LOG_FORMAT: 'text or json (text on a terminal, else json)',
};

/** The list as help shows it. */
export const settingsHelp = (): string => `Settings in the environment:\n${columns(Object.entries(SETTINGS))}`;

/**
 * Sentences about variables that look like misspelt settings. Others that begin with PLANIMETER_ are nobody's business:
 * Kubernetes makes some for a service of that name.
 */
export function misspeltSettings(env: NodeJS.ProcessEnv): string[] {
  const known = Object.keys(SETTINGS);
  return Object.keys(env).flatMap((name) => {
    if (!name.startsWith('PLANIMETER_') || known.includes(name)) return [];
    const meant = nearest(name, known);
    return meant === undefined ? [] : [`${name} is no setting and is ignored. Did you mean ${meant}?`];
  });
}
