/** `planimeter serve`: the service until it is told to stop. */
import { log } from '../server/log.ts';
import { REMOTE_HOSTS } from '../server/remote/policy.ts';
import { startService } from '../server/service.ts';
import { DATA_OPTION, DEVICE_OPTION, readArguments, readNumber, usageOf, valued } from './arguments.ts';
import { settingsHelp } from './environment.ts';
import { dataFolder } from './files.ts';
import { startLog } from './log.ts';
import { onSignal } from './signals.ts';

const OPTIONS = {
  port: valued('N', 'where to listen (PORT, else 8080); 0 for any that is free'),
  host: valued('H', 'where to listen (HOST, else 127.0.0.1); beyond this machine only with tokens'),
  data: DATA_OPTION,
  device: DEVICE_OPTION,
};

export const usage = usageOf(['serve [--port N] [--host H] [--data DIR] [--device D]'], OPTIONS, settingsHelp());

export async function run(args: string[]): Promise<void> {
  const { values } = readArguments(args, OPTIONS);
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
  stopOnSignal(service.stop);
  greet(`Planimeter is at ${service.url}`, { url: service.url });
}

/** Stops gracefully on the first Ctrl-C or SIGTERM, at once on the second. */
export function stopOnSignal(stop: () => Promise<void>): void {
  onSignal(['SIGINT', 'SIGTERM'], (signal) => {
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
