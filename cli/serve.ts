/** `planimeter serve`: the service until it is told to stop. */

import { log } from '../server/log.ts';
import { REMOTE_HOSTS } from '../server/remote/policy.ts';
import { startService } from '../server/service.ts';
import { readArguments, readNumber } from './arguments.ts';
import { dataFolder } from './files.ts';
import { startLog } from './log.ts';

export async function run(args: string[]): Promise<void> {
  const { values } = readArguments(
    args,
    { port: { type: 'string' }, host: { type: 'string' }, data: { type: 'string' }, device: { type: 'string' } },
    [0, 0],
  );
  const { env } = process;
  const greet = startLog('service');
  const service = await startService({
    host: values.host ?? env.HOST ?? '127.0.0.1',
    port: readNumber('port', values.port ?? env.PORT ?? '8080'),
    dataFolder: dataFolder(values.data),
    store: env.PLANIMETER_STORE,
    databaseUrl: env.DATABASE_URL,
    device: values.device ?? env.PLANIMETER_DEVICE ?? 'auto',
    basemap: env.PLANIMETER_BASEMAP,
    remoteHosts: env[REMOTE_HOSTS],
  });
  greet(`Planimeter is at ${service.url}`, { url: service.url });
  stopOnSignal(service.stop);
}

/** Stops gracefully on the first Ctrl-C or SIGTERM, at once on the second. */
export function stopOnSignal(stop: () => Promise<void>): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      process.once(signal, () => process.exit(1));
      log.info(`${signal}: stopping, and giving back what is unfinished`);
      stop().then(
        () => process.exit(0),
        (error) => {
          log.fatal('stopping failed', { error });
          process.exit(1);
        },
      );
    });
  }
}
