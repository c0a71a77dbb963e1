/** ZIP archives as other programs write them: names as bytes, flags and extra fields at will; entries are stored as they are. */
import { crc32 } from 'node:zlib';

export interface ZipEntry {
  name: string | Uint8Array;
  content?: string | Uint8Array;
  /** Bit 0: encrypted; bit 11: the name is UTF-8. */
  flags?: number;
  /** Of the central directory. */
  extra?: Uint8Array;
  method?: number;
  externalAttributes?: number;
}

export const UTF8_FLAG = 0x800;

export function zipOf(entries: readonly ZipEntry[]): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const {
    name,
    content = '',
    flags = 0,
    extra = new Uint8Array(),
    method = 0,
    externalAttributes = 0,
  } of entries) {
    const nameBytes = Buffer.from(name as Uint8Array);
    const bytes = Buffer.from(content as Uint8Array);
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(flags, 2);
    shared.writeUInt16LE(method, 4);
    shared.writeUInt32LE(crc32(bytes), 10);
    shared.writeUInt32LE(bytes.length, 14);
    // Encrypted bytes begin with a header of 12.
    shared.writeUInt32LE(bytes.length - (flags & 1 && method === 0 ? 12 : 0), 18);
    shared.writeUInt16LE(nameBytes.length, 22);
    const record = Buffer.alloc(46);
    record.writeUInt32LE(0x02014b50, 0);
    record.writeUInt16LE(20, 4);
    shared.copy(record, 6);
    record.writeUInt16LE(extra.length, 30);
    record.writeUInt32LE(externalAttributes, 38);
    record.writeUInt32LE(offset, 42);
    central.push(record, nameBytes, Buffer.from(extra));
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), shared, nameBytes, bytes]);
    offset += local.length;
    locals.push(local);
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

/** Info-ZIP's field of the name in UTF-8, beside one that says it in another way. */
export function unicodePath(name: Uint8Array, utf8: string, sum: number = crc32(name)): Buffer {
  const text = Buffer.from(utf8);
  const field = Buffer.alloc(9 + text.length);
  field.writeUInt16LE(0x7075, 0);
  field.writeUInt16LE(5 + text.length, 2);
  field.writeUInt8(1, 4);
  field.writeUInt32LE(sum, 5);
  text.copy(field, 9);
  return field;
}

/** Bytes of a text in an encoding that TextDecoder knows, found by decoding what each byte or pair of bytes means. */
export function encode(text: string, encoding: string): Buffer {
  const decoder = new TextDecoder(encoding, { fatal: true });
  const bytesOf = new Map<string, number[]>();
  const learn = (bytes: number[]) => {
    try {
      const character = decoder.decode(Uint8Array.from(bytes));
      if ([...character].length === 1 && !bytesOf.has(character)) bytesOf.set(character, bytes);
    } catch {} // means nothing in this encoding
  };
  for (let byte = 0; byte < 256; byte++) learn([byte]);
  for (let lead = 0x81; lead < 0xff; lead++) for (let trail = 0x40; trail < 0xff; trail++) learn([lead, trail]);
  return Buffer.from([...text].flatMap((character) => bytesOf.get(character) ?? missing(character, encoding)));
}

function missing(character: string, encoding: string): never {
  throw new RangeError(`${encoding} has no ${character}`);
}
