import { Packr } from 'msgpackr';
import { FreshetError } from '../../runtime/errors.ts';
import type { Serde } from '../../runtime/topic.ts';

/**
 * MessagePack for internal topics: plain data (what JSON can hold, plus Buffer and undefined) comes back as it was, numbers
 * exactly. Dates, bigints and other extensions are refused either way; a Map or Set must not be given.
 */
export function msgpackSerde<V>(): Serde<V> {
  const packr = new Packr({ useRecords: false, copyBuffers: true, variableMapSize: true });
  return {
    encode(value) {
      const bytes = packr.pack(value);
      const reason = damage(bytes);
      if (reason !== undefined) throw new FreshetError('ENCODE_FAILED', `MessagePack: ${reason}`);
      return bytes;
    },
    decode(bytes) {
      const reason = damage(bytes);
      if (reason !== undefined) throw new FreshetError('DECODE_FAILED', `MessagePack: ${reason}`);
      try {
        return packr.unpack(bytes) as V;
      } catch {
        throw new FreshetError('DECODE_FAILED', 'MessagePack: not readable');
      }
    },
  };
}

/** Why the bytes are not one value of plain data; looked at before msgpackr, which trusts every length. */
function damage(bytes: Buffer): string | undefined {
  let at = 0;
  for (let left = 1; left > 0; left -= 1) {
    if (left > bytes.length - at) return 'truncated';
    const token = bytes[at] ?? 0;
    const size = sizeOf(token);
    if (size === undefined) return 'not plain data';
    at += 1;
    if (at + size.length > bytes.length) return 'truncated';
    const count = size.length === 0 ? size.count : bytes.readUIntBE(at, size.length);
    if (token === undefinedToken && count !== 0) return 'not plain data';
    at += size.length + (size.items === 0 ? size.bytes * count : 0);
    left += size.items * count;
  }
  return at === bytes.length ? undefined : 'bytes behind the end';
}

const undefinedToken = 0xd4;

/** How long a token's length field is, what it counts, and what it stands for. */
interface Size {
  readonly length: 0 | 1 | 2 | 4;
  /** The count when there is no length field. */
  readonly count: number;
  /** Bytes for each count. */
  readonly bytes: number;
  /** Values for each count. */
  readonly items: number;
}

const fixed = (count: number): Size => ({ length: 0, count, bytes: 1, items: 0 });
const text = (length: 1 | 2 | 4): Size => ({ length, count: 0, bytes: 1, items: 0 });
const container = (length: 0 | 2 | 4, items: number, count = 0): Size => ({ length, count, bytes: 0, items });

const tokens: ReadonlyMap<number, Size> = new Map([
  ...[0xc0, 0xc2, 0xc3].map((token) => [token, fixed(0)] as const),
  [0xc4, text(1)],
  [0xc5, text(2)],
  [0xc6, text(4)],
  [0xca, fixed(4)],
  [0xcb, fixed(8)],
  [0xcc, fixed(1)],
  [0xcd, fixed(2)],
  [0xce, fixed(4)],
  [0xd0, fixed(1)],
  [0xd1, fixed(2)],
  [0xd2, fixed(4)],
  [undefinedToken, { length: 2, count: 0, bytes: 0, items: 0 }],
  [0xd9, text(1)],
  [0xda, text(2)],
  [0xdb, text(4)],
  [0xdc, container(2, 1)],
  [0xdd, container(4, 1)],
  [0xde, container(2, 2)],
  [0xdf, container(4, 2)],
]);

const sizes: readonly (Size | undefined)[] = Array.from({ length: 256 }, (_, token) => {
  if (token < 0x80 || token >= 0xe0) return fixed(0);
  if (token < 0x90) return container(0, 2, token & 0x0f);
  if (token < 0xa0) return container(0, 1, token & 0x0f);
  return token < 0xc0 ? fixed(token & 0x1f) : tokens.get(token);
});

function sizeOf(token: number): Size | undefined {
  return sizes[token];
}
