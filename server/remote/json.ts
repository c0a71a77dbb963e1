/** JSON of a server that the user of a command line named. */
import { Problem } from '../../errors/problem.ts';
import { shownAddress } from './request.ts';

const ANSWER_MS = 60_000;
const MOST_BYTES = 64 << 20;

/** Throws Problem remote_unreachable where there is none, and remote_unsuitable for what is no JSON. Redirects are not followed. */
export async function fetchJson(url: URL): Promise<unknown> {
  const shown = shownAddress(url);
  const unreachable = (why: string, cause?: unknown) =>
    new Problem('remote_unreachable', `${shown} cannot be read: ${why}.`, { cause });
  try {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { accept: 'application/geo+json, application/json', 'user-agent': 'Planimeter' },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const { status } = response;
    if (status >= 300 && status < 400) {
      const location = response.headers.get('location') ?? '';
      const to = URL.canParse(location, url.href) ? shownAddress(new URL(location, url)) : 'elsewhere';
      throw new Problem('remote_unsuitable', `${shown} leads on to ${to}; give that address if you trust it.`);
    }
    if (!response.ok) throw unreachable(`its server answers with status ${status}`);
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of response.body ?? []) {
      parts.push(part);
      bytes += part.length;
      if (bytes > MOST_BYTES) {
        throw new Problem('limit_exceeded', `${shown} has more than ${MOST_BYTES >> 20} MiB of JSON.`);
      }
    }
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch (error) {
    if (error instanceof Problem) throw error;
    if (error instanceof SyntaxError) throw new Problem('remote_unsuitable', `${shown} is not JSON.`);
    const { name, cause } = error as { name: string; cause?: NodeJS.ErrnoException };
    throw unreachable(name === 'TimeoutError' ? 'it does not answer' : (cause?.code ?? name), error);
  }
}
