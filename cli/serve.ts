/** `planimeter serve`: the service until it is told to stop. */
import { REMOTE_HOSTS } from '../server/remote/policy.ts';
import { startService } from '../server/service.ts';
import { readArguments, readNumber } from './arguments.ts';
import { dataFolder } from './files.ts';

export async function run(args: string[]): Promise<void> {
  const { values } = readArguments(
    args,
    { port: { type: 'string' }, host: { type: 'string' }, data: { type: 'string' }, device: { type: 'string' } },
    [0, 0],
  );
  const { env } = process;
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
  process.stderr.write(`Planimeter is at ${service.url}\n`);
  stopOnSignal(service.stop);
}

/** Stops gracefully on the first Ctrl-C or SIGTERM, at once on the second. */
export function stopOnSignal(stop: () => Promise<void>): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      process.once(signal, () => process.exit(1));
      stop().then(
        () => process.exit(0),
        (error) => {
          console.error(error);
          process.exit(1);
        },
      );
    });
  }
}
