/** `planimeter report JOB|job.zip OUT.pdf|.html`: a sheet of a finished job, to print or to send. */
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import type { Network } from '../models/registry.ts';
import { withEphemeralEngine } from '../server/ephemeral-engine.ts';
import { readNetworkManifest } from '../server/networks/install-network.ts';
import { parseParameters, sceneView } from '../server/pipeline/job-parameters.ts';
import { startRenderer } from '../server/processes/render.ts';
import { parseRemoteHosts, REMOTE_HOSTS } from '../server/remote/policy.ts';
import { createRemoteReader } from '../server/remote/reader.ts';
import { bandNamesOf } from '../server/scenes/ready-scene.ts';
import { fetchWorking } from '../server/scenes/working-copy.ts';
import { composeSheet, type Described } from '../server/sheet/compose.ts';
import { readJob } from '../server/sheet/read-job.ts';
import { openPackage, readPackage } from '../server/sheet/read-package.ts';
import { sheetHtml } from '../server/sheet/sheet-html.ts';
import { PAPERS, type Paper, sheetPdf } from '../server/sheet/sheet-pdf.ts';
import { openDatabase } from '../server/store/database/open-database.ts';
import { checkedFileStore } from '../server/store/files/checked-files.ts';
import { openFileStore } from '../server/store/files/open-file-store.ts';
import { DATA_OPTION, readArguments, usageOf, valued, WrongCall } from './arguments.ts';
import { checkOutputs, dataFolder, inputFile, installedNetwork } from './files.ts';
import { type Inputs, mappedImage, readyScene } from './inputs.ts';
import { isPackage } from './output.ts';
import { createProgressBar } from './progress.ts';
import { onSignal } from './signals.ts';

const OPTIONS = {
  title: valued('TEXT', "in place of the image's name"),
  paper: valued('A4', `${PAPERS.join(' or ')}, of a PDF`),
  image: valued('IN.tif', 'the image under the map of a package; else the one of its name beside it, if it is there'),
  data: DATA_OPTION,
};

export const usage = usageOf(
  [
    'report JOB OUT.pdf|.html [--title TEXT] [--paper A3] [--data DIR]',
    'report job.zip OUT.pdf|.html [--image IN.tif] [OPTION…]',
  ],
  OPTIONS,
  `The sheet has the map over its image, with legend, grid, scale and north; what was found, what that says of the place,
what was assumed, and where it comes from. JOB is the id of a job of the data folder, which no service may have open
(else take the package that it gives); job.zip what "segment IN.tif job.zip" writes.
`,
);

type Read = Omit<Described, 'title' | 'network'>;

export async function run(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(args, OPTIONS, ['JOB', 'OUT']);
  const [named, output] = positionals as [string, string];
  const ending = extname(output).toLowerCase();
  if (!['.pdf', '.html'].includes(ending)) throw new WrongCall(`"${output}" must end in .pdf or .html`);
  const paper = (values.paper ?? 'A4').toUpperCase();
  if (!isPaper(paper)) throw new WrongCall(`--paper takes ${PAPERS.join(' or ')}; got "${values.paper}"`);
  if (values.image !== undefined && !isPackage(named)) throw new WrongCall('--image is for packages');
  await checkOutputs([output]);
  const read = isPackage(named)
    ? await ofPackage(resolve(await inputFile(named)), values.image)
    : await ofJob(named, values.data);
  const network = await installedNetwork(read.job.model, values.data).catch(() => null);
  const sheet = composeSheet({ ...read, title: values.title, network: network && (await described(network)) });
  if (ending === '.html') await writeWhole(output, sheetHtml(sheet));
  else {
    const { bytes, unknown } = await sheetPdf(sheet, paper);
    await writeWhole(output, bytes);
    if (unknown)
      process.stderr.write(
        `warning: the fonts of a PDF have no "${unknown}", which stand as "?"; .html has all letters\n`,
      );
  }
  process.stdout.write(`${output}: ${sheet.title}\n`);
}

const isPaper = (text: string): text is Paper => (PAPERS as readonly string[]).includes(text);

async function described(network: Network): Promise<Described['network']> {
  const { properties } = (await readNetworkManifest(network)) as { properties?: { license?: unknown } };
  const { license } = properties ?? {};
  return { name: network.name, license: typeof license === 'string' ? license : null };
}

/** Of a data folder that no service has open, or of a database. */
async function ofJob(id: string, data: string | undefined): Promise<Read> {
  const { DATABASE_URL: url, PLANIMETER_STORE: store } = process.env;
  const db = await openDatabase(url ? { url } : { folder: join(dataFolder(data), 'database') });
  const remote = createRemoteReader(parseRemoteHosts(process.env[REMOTE_HOSTS]));
  const renderer = startRenderer(remote.open);
  try {
    const files = checkedFileStore(openFileStore(dataFolder(data), store), db);
    return await readJob({ db, files, renderer }, id);
  } finally {
    await renderer.stop();
    remote.close();
    await db.close();
  }
}

async function ofPackage(path: string, named: string | undefined): Promise<Read> {
  const opened = await openPackage(path);
  const { image } = opened.record;
  const inputs = await imageOf(named ?? join(dirname(path), basename(image.name)), image, named !== undefined);
  const bar = createProgressBar();
  const interrupted = new AbortController();
  onSignal(['SIGINT'], () => interrupted.abort());
  const context = {
    signal: interrupted.signal,
    progress: ({ stage, share }: { stage: string; share: number }) => bar.update(stage, share),
  };
  return withEphemeralEngine(
    async (open) => {
      const tools = await open();
      const renderer = startRenderer(tools.remote.open, dirname(tools.files.path('classes.tif')));
      try {
        const scene = inputs && (await readyScene(tools, inputs, {}, context, image.sha256));
        const parameters = parseParameters({ ...opened.report.parameters });
        const shown = scene && {
          path: await fetchWorking(tools.files, scene),
          view: sceneView(parameters, bandNamesOf(scene.report)),
          ...{ width: scene.report.width, height: scene.report.height },
          capturedAt: scene.report.capturedAt ?? null,
        };
        return await readPackage({ ...tools, renderer }, path, opened, shown);
      } finally {
        await renderer.stop();
      }
    },
    { policy: inputs?.remote?.policy ?? null },
  ).finally(bar.end);
}

/** Null, said loudly, where it is not beside the package. Throws for one that was named and is not the one that was mapped. */
async function imageOf(
  path: string,
  image: { sha256: string; srs: string | null },
  named: boolean,
): Promise<Inputs | null> {
  try {
    return await mappedImage(await inputFile(path), image);
  } catch (error) {
    if (named) throw error;
    process.stderr.write(`The map is drawn without its image, which is not beside the package (--image IN.tif)\n`);
    return null;
  }
}

/** The file appears complete or not at all. */
async function writeWhole(path: string, content: string | Buffer): Promise<void> {
  const partial = `${path}.partial`;
  try {
    await writeFile(partial, content);
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
}
