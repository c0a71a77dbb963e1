/** Finds a Chromium for browser tests: PLANIMETER_CHROMIUM, the usual places, or Debian's package where it may. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const USUAL_PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** Flags for a headless Chromium that renders WebGL in software and speaks to nobody. */
export const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Path of a Chromium, or null (said loudly) where there is none. With CI=true that is an error. */
export function findChromium(): string | null {
  const given = process.env.PLANIMETER_CHROMIUM;
  const found = [...(given ? [given] : []), ...USUAL_PLACES].find(existsSync);
  if (found) return found;
  const reason = installOnDebian();
  if (reason === null && existsSync(USUAL_PLACES[0])) return USUAL_PLACES[0];
  if (process.env.CI === 'true') throw new Error(`the browser tests need Chromium: ${reason}`);
  console.error(`SKIPPED: the browser tests were NOT run, no Chromium: ${reason}. Set PLANIMETER_CHROMIUM to one.`);
  return null;
}

/** Null when it went well, else the reason. */
function installOnDebian(): string | null {
  if (!existsSync('/etc/debian_version')) return 'this is not Debian';
  if (process.getuid?.() !== 0) return 'only root may install it';
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [
    ['update', '-q'],
    ['install', '-y', '-q', '--no-install-recommends', 'chromium'],
  ]) {
    const { status, stderr } = spawnSync('apt-get', args, { env, encoding: 'utf8', timeout: 300_000 });
    if (status !== 0) return stderr || `apt-get ${args[0]} failed`;
  }
  return null;
}
