/**
 * Serves index.html, which shows the map of a job, with MapLibre from node_modules, and passes on to the service what the
 * map asks for: browsers let pages of another origin read nothing from it. A token stays here, visitors need none.
 *
 *   npm install maplibre-gl@6.17.0
 *   node serve.ts http://127.0.0.1:8080        then open http://127.0.0.1:8081/?job=JOB
 */
import { createReadStream } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { extname } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const [service, port = '8081'] = process.argv.slice(2);
const token = process.env.PLANIMETER_TOKEN;
const TYPES: Record<string, string> = { '.html': 'text/html', '.mjs': 'text/javascript', '.css': 'text/css' };

const server = createServer(async ({ url = '/', method }, response) => {
  const { pathname } = new URL(url, 'http://localhost');
  const [, name] = /^\/maplibre\/([\w-]+\.(?:mjs|css))$/.exec(pathname) ?? [];
  if (method !== 'GET') response.writeHead(405).end();
  else if (pathname === '/') sendFile(fileURLToPath(import.meta.resolve('./index.html')), response);
  else if (name) sendFile(fileURLToPath(import.meta.resolve(`maplibre-gl/dist/${name}`)), response);
  else if (pathname.startsWith('/tiles/')) await passOn(pathname, response);
  else response.writeHead(404).end();
});
server.listen(Number(port), '127.0.0.1', () => {
  const address = server.address();
  if (address && typeof address === 'object') console.log(`The map is at http://127.0.0.1:${address.port}/?job=JOB`);
});

function sendFile(path: string, response: ServerResponse): void {
  response.setHeader('Content-Type', `${TYPES[extname(path)]}; charset=utf-8`);
  createReadStream(path)
    .on('error', () => response.writeHead(404).end())
    .pipe(response);
}

async function passOn(path: string, response: ServerResponse): Promise<void> {
  try {
    const answer = await fetch(service + path, { headers: token ? { Authorization: `Bearer ${token}` } : {} });
    const type = answer.headers.get('Content-Type');
    response.writeHead(answer.status, type ? { 'Content-Type': type } : {});
    if (answer.body) Readable.from(answer.body).pipe(response);
    else response.end();
  } catch {
    response.writeHead(502).end('The service does not answer.');
  }
}
