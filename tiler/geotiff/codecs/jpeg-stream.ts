/**
 * A segment of a JPEG-compressed TIFF becomes a JPEG stream of its own: the shared tables (tag 347) go in front, and
 * markers of applications go, since in a TIFF the header alone says what the colours are.
 */

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
const APP0 = 0xe0;
const COM = 0xfe;

/** Adobe's marker, which tells decoders whether three components are YCbCr (1) or RGB (0). */
const adobe = (transform: number): Buffer =>
  Buffer.from([0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, transform]);

/** Null where the markers are not as they should be. `components` is 1 or 3. */
export function jpegStream(segment: Buffer, tables: Buffer | null, components: number, yCbCr: boolean): Buffer | null {
  const shared = tables && markersOf(tables);
  const own = markersOf(segment);
  if (!own || own.scanAt === null || (tables && !shared)) return null;
  const colours = components === 3 ? [adobe(yCbCr ? 1 : 0)] : [];
  const start = Buffer.from([0xff, SOI]);
  return Buffer.concat([start, ...colours, ...(shared?.kept ?? []), ...own.kept, segment.subarray(own.scanAt)]);
}

/** The markers before the first scan but those of applications and comments, and where that scan begins. */
function markersOf(bytes: Buffer): { kept: Buffer[]; scanAt: number | null } | null {
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== (0xff << 8) + SOI) return null;
  const kept: Buffer[] = [];
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1];
    if (marker === SOS) return { kept, scanAt: at };
    if (marker === EOI) break;
    const length = bytes.readUInt16BE(at + 2);
    if (length < 2 || at + 2 + length > bytes.length) return null;
    const ofApplication = marker >= APP0 && marker < APP0 + 16;
    if (!ofApplication && marker !== COM) kept.push(bytes.subarray(at, at + 2 + length));
    at += 2 + length;
  }
  return { kept, scanAt: null };
}
