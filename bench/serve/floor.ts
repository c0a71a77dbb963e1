/** The floor of bench/serve.ts: GeoJSON as PostGIS writes it, over bare HTTP: `node floor.ts DATABASE_URL PORT`. */
import { createServer } from 'node:http';
import { openDatabase } from '../../server/store/database/open-database.ts';

const [url, port] = process.argv.slice(2);
const db = await openDatabase({ url: url! });

const FEATURE = `ST_AsGeoJSON(t.*, 'geom', 8)`;
const PAGE = `SELECT '{"type":"FeatureCollection","features":[' || coalesce(string_agg(${FEATURE}, ','), '') || ']}' AS text`;

createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url!, 'http://floor');
  const text = pathname === '/' ? '{}' : await answer(pathname.split('/items')[1]!, searchParams);
  response.setHeader('Content-Type', 'application/geo+json').end(text);
}).listen(Number(port), '127.0.0.1');

async function answer(path: string, query: URLSearchParams): Promise<string> {
  if (path.length > 1) {
    const sql = `SELECT ${FEATURE} AS text FROM public.buildings t WHERE id = $1`;
    return (await db.query<{ text: string }>(sql, [path.slice(1)]))[0]!.text;
  }
  const limit = Number(query.get('limit'));
  const box = query.get('bbox')?.split(',').map(Number);
  const rows = box
    ? await db.query<{ text: string }>(
        `${PAGE} FROM (SELECT * FROM public.buildings
                        WHERE geom && ST_MakeEnvelope($2, $3, $4, $5, 4326) LIMIT $1) t`,
        [limit, ...box],
      )
    : await db.query<{ text: string }>(`${PAGE} FROM (SELECT * FROM public.buildings LIMIT $1) t`, [limit]);
  return rows[0]!.text;
}
