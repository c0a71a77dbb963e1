/** What a download is called: after its scene, in `Content-Disposition` (RFC 6266), whatever letters its name has. */
import type { Response } from 'express';
import { MISLEADING } from '../../api/schema.ts';

/** File systems have 255 bytes for a name; letters beyond ASCII take up to four. */
const MOST_LETTERS = 50;
/** Control characters and such as turn the direction of writing, and what is not allowed in names on some system. */
const UNSAFE = new RegExp(`(?:${MISLEADING.source}|[<>:"/\\\\|?*%])+`, 'gu');
/** Names of devices on Windows, with any ending. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** The scene's name without its ending, safe as a file's name everywhere, with `rest` behind it. */
export function downloadName(scene: string, rest: string): string {
  const stem = scene
    .normalize('NFC')
    .replace(UNSAFE, '_')
    .replace(/\.(tiff?|zip|vrt)(?=( and \d+ more)?$)/i, '');
  const short = [...stem]
    .slice(0, MOST_LETTERS)
    .join('')
    .replace(/^[\s.]+|[\s.]+$/g, '');
  const name = `${short || 'scene'}${rest}`;
  return DEVICE.test(name) ? `_${name}` : name;
}

/** Old clients take the name in ASCII, others the one behind it (RFC 8187). */
export function attach(response: Response, name: string): Response {
  const ascii = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\x20-\x7e]/g, '_');
  const encoded = encodeURIComponent(name).replace(
    /['()*!]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return response.set('Content-Disposition', `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`);
}
