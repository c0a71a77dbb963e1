/** One more process that takes work from the queue of a service: no HTTP, the same database and the same shared folder. */
import { createServer, type Server } from 'node:http';
import { type Engine, openEngine } from './engine.ts';
import { log } from './log.ts';
import { listen } from './operations/listen.ts';
import { parseRemoteHosts } from './remote/policy.ts';
import { checkStore } from './store/files/open-file-store.ts';

export interface WorkerOptions {
  dataFolder: string;
  store?: string | undefined;
  databaseUrl: string;
  device: string;
  remoteHosts?: string | undefined;
  /** Where /health and /metrics are answered; nowhere without. Port 0 is any free one. */
  probes?: { host: string; port: number } | undefined;
}

export interface Worker {
  /** Of /health and /metrics. */
  url: string | null;
  stop(): Promise<void>;
}

/** Resolves when it works; `stop` gives unfinished work back. Throws `store_mismatch`. */
export async function startWorker({ remoteHosts, probes, ...options }: WorkerOptions): Promise<Worker> {
  const engine = await openEngine({ ...options, remotePolicy: parseRemoteHosts(remoteHosts) }, checkStore);
  try {
    const server = probes ? createProbes(engine) : null;
    const url = server && probes ? `http://${probes.host}:${await listen(server, probes.port, probes.host)}` : null;
    return {
      url,
      async stop() {
        server?.close();
        server?.closeAllConnections();
        await engine.stop();
      },
    };
  } catch (error) {
    await engine.stop();
    throw error;
  }
}

/** What keeps an eye on the worker asks over HTTP: whether it is well, and its figures. Nothing else is there. */
function createProbes({ metrics }: Engine): Server {
  const answers: Record<string, () => Promise<[type: string, body: string]>> = {
    '/health': async () => ['application/json', JSON.stringify({ status: 'ok' })],
    '/metrics': async () => [metrics.contentType, await metrics.text()],
  };
  return createServer(async (request, response) => {
    const answer = request.method === 'GET' ? answers[request.url ?? ''] : undefined;
    try {
      const [type, body] = answer ? await answer() : ['text/plain', 'There is /health and /metrics.'];
      response.writeHead(answer ? 200 : 404, { 'Content-Type': type }).end(body);
    } catch (error) {
      log.error(`${request.url} failed`, { error });
      response.writeHead(503).end();
    }
  });
}
