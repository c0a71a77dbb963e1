/** `planimeter worker`: one more process that computes for a service, until it is told to stop. */
import { REMOTE_HOSTS } from '../server/remote/policy.ts';
import { startWorker } from '../server/worker.ts';
import { readArguments, readNumber, WrongCall } from './arguments.ts';
import { dataFolder } from './files.ts';
import { startLog } from './log.ts';
import { stopOnSignal } from './serve.ts';

export async function run(args: string[]): Promise<void> {
  const { values } = readArguments(
    args,
    { data: { type: 'string' }, device: { type: 'string' }, port: { type: 'string' } },
    [0, 0],
  );
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
  greet('Planimeter works for the service of this database');
  if (worker.url) greet(`Its health and metrics are at ${worker.url}`);
  stopOnSignal(worker.stop);
}
