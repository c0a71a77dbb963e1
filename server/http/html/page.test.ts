/** The interface as pages: chosen by what a browser asks for, linked through, escaped, without scripts. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addDoneJob, addScene, startService, type TestService } from '../../../test/support/http-service.ts';
import type { Database } from '../../store/database/database.ts';
import { openDatabase } from '../../store/database/open-database.ts';
import { html } from './page.ts';

const BROWSER = { Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };
const EVIL = `<script>alert("1")</script>'`;

let db: Database;
let service: TestService;
let ids: string[];
beforeAll(async () => {
  db = await openDatabase({});
  service = await startService(db);
  const square = (x: number, name: string) => ({
    collection: 'buildings',
    class: name,
    rings: [[[x, 0], [x, 6], [x + 8, 6], [x + 8, 0]]] as [number, number][][], // biome-ignore format: a ring
  });
  const squares = Array.from({ length: 12 }, (_, i) => square(i * 10, i === 11 ? EVIL : 'building'));
  ({ ids } = await addDoneJob(db, await addScene(db), squares));
});
afterAll(async () => {
  await service.close();
  await db.close();
});

const look = async (path: string, headers: Record<string, string> = BROWSER) => {
  const response = await fetch(service.address + path, { headers });
  return { type: response.headers.get('content-type') ?? '', text: await response.text(), headers: response.headers };
};
const hrefs = (text: string) => [...text.matchAll(/href="([^"]*)"/g)].map(([, href]) => href!.replaceAll('&amp;', '&'));

test('browsers get pages, all others data, and `f` decides before both', async () => {
  for (const path of ['/', '/conformance', '/collections', '/collections/buildings', '/collections/buildings/items']) {
    expect((await look(path)).type, path).toBe('text/html; charset=utf-8');
    expect((await look(`${path}?f=html`, {})).type, path).toContain('html');
    for (const headers of [{ Accept: '*/*' }, { Accept: 'application/geo+json, application/json' }]) {
      expect((await look(path, headers)).type, path).toContain('json');
    }
    const data = await look(`${path}?f=json`);
    expect(data.type, path).toContain('json');
    expect((await look(path, { Accept: '*/*' })).headers.get('vary'), path).toMatch(/accept/i);
  }
  expect((await look('/collections?f=xml')).text).toContain('json and html');
});

test('every page can be reached from the first one, and every link on the way leads somewhere', async () => {
  const seen = new Set<string>();
  const waiting = ['/?f=html'];
  while (waiting.length > 0) {
    const path = waiting.pop()!;
    if (seen.has(path)) continue;
    seen.add(path);
    const response = await fetch(service.address + path, { headers: BROWSER });
    expect([path, response.status]).toEqual([path, 200]);
    const text = await response.text();
    if (!response.headers.get('content-type')?.includes('html')) continue;
    waiting.push(...hrefs(text).map((href) => href.replace(service.address, '')));
  }
  expect([...seen]).toEqual(expect.arrayContaining([`/collections/buildings/items/${ids[0]}?f=html`]));
});

test('the page of a collection leads to its features', async () => {
  expect((await look('/collections/buildings')).text).toContain('>Look at the features</a>');
});

test('pages of features follow each other and hold all of them once', async () => {
  const found: string[] = [];
  let path: string | undefined = '/collections/buildings/items?f=html&limit=5';
  let pages = 0;
  while (path) {
    const { text } = await look(path);
    found.push(
      ...[...text.matchAll(/<td class="text"><a href="\/collections\/buildings\/items\/([0-9a-f-]+)/g)].map(
        ([, id]) => id!,
      ),
    );
    expect(text.match(/<path /g)).toHaveLength(found.length - 5 * pages++);
    path = hrefs(text).find((href) => href.includes('after=') && href.includes('f=html'));
  }
  expect([pages, found.toSorted()]).toEqual([3, ids.toSorted()]);
  const { text } = await look('/collections/buildings/items?properties=score&f=html');
  expect(text).toContain('Probability');
  expect(text).not.toContain('Area, m²');
  expect((await look('/collections/roads/items')).text).toContain('Nothing matches');
});

test('what others wrote is text, and nothing may run', async () => {
  for (const path of ['/collections/buildings/items', `/collections/buildings/items/${ids[11]}`]) {
    const { text, headers } = await look(path);
    expect(text).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;');
    expect(text).not.toMatch(/<script| style="| on\w+="/);
    expect(headers.get('content-security-policy')).not.toMatch(/unsafe|script-src|self/);
  }
  expect(html`<a title="${'"><b>'}">${[html`<i>${'&'}</i>`]}</a>`.text).toBe(
    '<a title="&quot;&gt;&lt;b&gt;"><i>&amp;</i></a>',
  );
});

test('a building is drawn as high and wide as it is', async () => {
  const { text } = await look(`/collections/buildings/items/${ids[0]}`);
  const [, d] = /<path [^>]*d="([^"]+)"/.exec(text)!;
  const points = d!.matchAll(/([\d.]+) ([\d.]+)/g);
  const [xs, ys] = [[] as number[], [] as number[]];
  for (const [, x, y] of points) {
    xs.push(Number(x));
    ys.push(Number(y));
  }
  const extent = (values: number[]) => Math.max(...values) - Math.min(...values);
  expect(extent(xs) / extent(ys)).toBeCloseTo(8 / 6, 1);
});
