/** Where the service and a worker's probes listen. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Problem } from '../../errors/problem.ts';

/** Listens; returns the port, also where 0 asked for any. Throws Problem address_unusable, saying what to do. */
export async function listen(server: Server, port: number, host: string): Promise<number> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  } catch (error) {
    const reason = reasonOf((error as NodeJS.ErrnoException).code, port, host);
    if (!reason) throw error;
    throw new Problem('address_unusable', reason, { cause: error });
  }
}

function reasonOf(code: string | undefined, port: number, host: string): string | null {
  switch (code) {
    case 'EADDRINUSE':
      return `Another program listens on ${host}:${port}: end it, or name another port with --port or PORT.`;
    case 'EACCES':
      return `This user may not listen on port ${port}: name one above 1023 with --port or PORT.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `This machine has no address ${host}: name one of its own with --host or HOST.`;
    default:
      return null;
  }
}
