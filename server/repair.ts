/** Damage that can be made good from what is there: working copies from originals, maps and features by their jobs. */
import { Problem } from '../errors/problem.ts';
import { type EngineOptions, openEngine } from './engine.ts';
import { checkDeeply, type DeepCheck } from './operations/deep-check.ts';
import { remakeWorkingCopy } from './scenes/ingest-scene.ts';
import { checkStore } from './store/files/open-file-store.ts';
import { getJob } from './store/tables/jobs.ts';
import { clearUnreadableFeatures } from './store/tables/read-all.ts';
import { getScene } from './store/tables/scenes.ts';

const POLL_MS = 200;

/**
 * Makes again what can be made again, and says of each what came of it. Returns what is damaged after it. Throws
 * `data_folder_locked` while a service has the folder, and `store_mismatch`.
 */
export async function repair(options: EngineOptions, say: (line: string) => void): Promise<DeepCheck> {
  const engine = await openEngine(options, checkStore);
  const { db, files } = engine.tools;
  const { signal } = new AbortController();
  const attempt = async (name: string, work: () => Promise<string>) => {
    try {
      say(`${name}: ${await work()}`);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      say(`${name}: not made again. ${error.message}`);
    }
  };
  try {
    let { damages } = await checkDeeply(db, files);
    const pages = damages.filter(({ kind, name }) => kind === 'database' && name.startsWith('features'));
    if (pages.length > 0) {
      await clearUnreadableFeatures(db);
      for (const { name } of pages) say(`${name}: pages that could not be read are empty, and the indexes new`);
      ({ damages } = await checkDeeply(db, files));
    }
    for (const { name: key } of damages.filter(({ kind }) => kind === 'working_copy')) {
      await attempt(key, async () => {
        const { same } = await remakeWorkingCopy(engine.tools, (await getScene(db, key.split('/')[1]!))!, signal);
        if (same === null) return 'made again from the original';
        return `made again from the original, ${same ? 'the same bytes as before' : 'with other bytes than before: it was made by another version'}`;
      });
    }
    for (const { name: key } of damages.filter(({ kind }) => kind === 'export')) {
      await attempt(key, async () => {
        await files.remove(key);
        return 'removed; it is made again when somebody asks for it';
      });
    }
    const jobs = damages.flatMap(({ kind, name }) => (kind === 'job' ? [name.split('/')[1]!] : []));
    for (const id of new Set(jobs)) {
      await attempt(`jobs/${id}`, async () => {
        await engine.queue.retry(id);
        for (;;) {
          const job = await getJob(db, id);
          if (job?.state === 'done') return 'run again';
          if (job?.state !== 'queued' && job?.state !== 'running') return job?.problem?.detail ?? 'deleted meanwhile';
          await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        }
      });
    }
    return await checkDeeply(db, files);
  } finally {
    await engine.stop();
  }
}
