import { expect, test, vi } from 'vitest';

test('lists are read to their last page, below the address of a shared link too', async () => {
  const pages: Record<string, { ids: string[]; next?: string }> = {
    '/shared/secret/jobs?scene=s': {
      ids: ['a', 'b'],
      next: 'http://maps.example/shared/secret/jobs?scene=s&after=2~b',
    },
    '/shared/secret/jobs?scene=s&after=2~b': { ids: ['c'] },
  };
  vi.stubGlobal('location', { pathname: '/shared/secret/' });
  vi.stubGlobal('fetch', async (address: string) => {
    const { ids, next } = pages[address]!;
    const headers: HeadersInit = next === undefined ? {} : { Link: `<${next}>; rel="next"` };
    return new Response(JSON.stringify(ids.map((id) => ({ id }))), { headers });
  });
  const { getJobs } = await import('./api.ts');
  expect((await getJobs('s')).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  vi.unstubAllGlobals();
});
