/** How fast this machine ran each network, remembered from job to job in the user's cache folder. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** Pixels a second, halo counted, by the network's SHA-256. */
type Speeds = Record<string, number>;

const file = (): string =>
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'planimeter', 'measured-speed.json');

/** What is known; a file that cannot be read is as none. */
export async function measuredSpeeds(): Promise<Speeds> {
  try {
    const speeds: unknown = JSON.parse(await readFile(file(), 'utf8'));
    return typeof speeds === 'object' && speeds !== null ? (speeds as Speeds) : {};
  } catch {
    return {};
  }
}

/** Too few pixels tell more of the start than of the speed. */
const FEWEST_PIXELS = 1e6;

/** Remembers the speed of a job that is over; where it cannot be written it is not, being only an estimate's help. */
export async function rememberSpeed(networkSha256: string, pixels: number, milliseconds: number): Promise<void> {
  if (pixels < FEWEST_PIXELS || milliseconds <= 0) return;
  try {
    const speeds = { ...(await measuredSpeeds()), [networkSha256]: Math.round((pixels / milliseconds) * 1000) };
    const partial = `${file()}.${process.pid}`;
    await mkdir(dirname(file()), { recursive: true });
    await writeFile(partial, JSON.stringify(speeds));
    await rename(partial, file());
  } catch {
    // a folder that is full or not ours
  }
}
