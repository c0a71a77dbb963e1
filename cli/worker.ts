/** `planimeter worker`: one more process that computes for a service, until it is told to stop. */
import { REMOTE_HOSTS } from '../server/remote/policy.ts';
import { startWorker } from '../server/worker.ts';
import { DATA_OPTION, DEVICE_OPTION, readArguments, readNumber, usageOf, valued, WrongCall } from './arguments.ts';
import { settingsHelp } from './environment.ts';
import { dataFolder } from './files.ts';
import { startLog } from './log.ts';
import { stopOnSignal } from './serve.ts';

const OPTIONS = {
  data: DATA_OPTION,
  device: DEVICE_OPTION,
  port: valued('N', 'answers /health and /metrics there'),
};

export const usage = usageOf(['worker [--data DIR] [--device D] [--port N]'], OPTIONS, settingsHelp());

export async function run(args: string[]): Promise<void> {
  const { values } = readArguments(args, OPTIONS);
  const { env } = process;
  const greet = startLog('worker');
  if (!env.DATABASE_URL) {
    throw new WrongCall(
      'a worker needs DATABASE_URL, the PostgreSQL server that the service works with; the embedded database belongs ' +
        'to one process alone',
    );
  }
  if (!env.PLANIMETER_STORE && !values.data && !env.PLANIMETER_DATA) {
    throw new WrongCall("a worker needs the service's files: PLANIMETER_STORE=file:///… or s3://BUCKET, or --data DIR");
  }
  const worker = await startWorker({
    dataFolder: dataFolder(values.data),
    store: env.PLANIMETER_STORE,
    databaseUrl: env.DATABASE_URL,
    device: values.device ?? env.PLANIMETER_DEVICE ?? 'auto',
    remoteHosts: env[REMOTE_HOSTS],
    ...(values.port !== undefined && {
      probes: { host: env.HOST ?? '127.0.0.1', port: readNumber('port', values.port) },
    }),
  });
  stopOnSignal(worker.stop);
  greet('Planimeter works for the service of this database');
  if (worker.url) greet(`Its health and metrics are at ${worker.url}`);
}
