/** For tests: a web server of files with range requests, which can be made to misbehave. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface ServedFile {
  bytes: Buffer;
  etag?: string;
  modified?: string;
}

export interface FileServer {
  /** By another name than `localhost` where the test resolves it. */
  url(path: string, host?: string): string;
  port: number;
  files: Map<string, ServedFile>;
  /** Ranges that were answered, in order. */
  ranges: [start: number, end: number][];
  /** Gets every request first; returns true where it has answered. `count` of all requests, from 1. */
  meddle: (request: IncomingMessage, response: ServerResponse, count: number) => boolean;
  close(): Promise<void>;
}

export async function serveFiles(tls?: { key: string; cert: string }): Promise<FileServer> {
  let count = 0;
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    if (self.meddle(request, response, ++count)) return;
    const path = new URL(request.url!, 'http://localhost').pathname;
    const file = self.files.get(path);
    if (!file) return void response.writeHead(404).end();
    const { bytes, etag, modified } = file;
    const match = request.headers['if-match'];
    const since = request.headers['if-unmodified-since'];
    if ((match && match !== etag) || (since && since !== modified)) return void response.writeHead(412).end();
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')!.map(Number);
    const end = Math.min(last + 1, bytes.length);
    if (first >= end) return void response.writeHead(416).end();
    self.ranges.push([first, end]);
    response.writeHead(206, {
      'content-range': `bytes ${first}-${end - 1}/${bytes.length}`,
      'content-length': end - first,
      ...(etag && { etag }),
      ...(modified && { 'last-modified': modified }),
    });
    response.end(bytes.subarray(first, end));
  };
  const server: Server = tls ? createTlsServer(tls, answer) : createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const self: FileServer = {
    url: (path, host = '127.0.0.1') => `${tls ? 'https' : 'http'}://${host}:${port}${path}`,
    port,
    files: new Map(),
    ranges: [],
    meddle: () => false,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return self;
}
