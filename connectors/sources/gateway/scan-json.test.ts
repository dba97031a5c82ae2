import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { type Piece, scanObject, scanValue } from './scan-json.ts';

const limits = { members: 1000, elements: 5000 };
const parse = (bytes: Buffer, { start, end }: Piece): unknown => JSON.parse(bytes.toString('utf8', start, end));

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

function keysOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce<number>((sum, inner) => sum + keysOf(inner), own);
}

describe('scanning a body', () => {
  it('finds every member of every object where JSON.parse finds it', () => {
    const space = fc.constantFrom(0, 1, '\t', '\n  ');
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), space, (value, indent) => {
        const bytes = Buffer.from(JSON.stringify(value, null, indent));
        const scan = scanObject(bytes, limits);
        if (typeof scan === 'string') throw new Error(scan);
        const names = Object.keys(JSON.parse(bytes.toString()) as object);
        expect(new Set(scan.members.keys())).toEqual(new Set(names));
        for (const [name, piece] of scan.members) expect(JSON.stringify(parse(bytes, piece))).toBe(JSON.stringify(value[name]));
      }),
    );
  });

  it('parts a batch into its events, each with its depth and its number of keys', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue({ maxDepth: 5 })), (batch) => {
        const bytes = Buffer.from(JSON.stringify({ a: '}]', batch, z: null }));
        const scan = scanObject(bytes, limits);
        if (typeof scan === 'string') throw new Error(scan);
        const pieces = scan.batch ?? [];
        const plain = JSON.parse(JSON.stringify(batch)) as unknown[];
        expect(pieces.map((piece) => parse(bytes, piece))).toEqual(plain);
        expect(pieces.map(({ depth, keys }) => [depth, keys])).toEqual(plain.map((event) => [depthOf(event), keysOf(event)]));
      }),
    );
  });

  it('never throws, and calls nothing an object whose pieces and joints are no JSON', () => {
    const noise = fc
      .array(fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', '1', 'a', ' ', '"batch"', '"x":', '{}'))
      .map((all) => all.join(''));
    fc.assert(
      fc.property(noise, (text) => {
        const bytes = Buffer.from(`{${text}}`);
        const scan = scanObject(bytes, limits);
        if (typeof scan === 'string') return;
        const rebuilt = [...scan.members].map(
          ([name, piece]) => `${JSON.stringify(name)}:${bytes.toString('utf8', piece.start, piece.end)}`,
        );
        expect(rebuilt.every((member) => isJson(`{${member}}`))).toBe(isJson(bytes.toString()));
      }),
      { numRuns: 2000 },
    );
  });

  it('takes the last of two members of one name, as JSON.parse does', () => {
    const bytes = Buffer.from('{"batch":[1],"batch":[2,3]}');
    const scan = scanObject(bytes, limits);
    expect(typeof scan === 'string' ? scan : scan.batch?.map((piece) => parse(bytes, piece))).toEqual([2, 3]);
    expect(scanObject(Buffer.from('{"batch":[1],"batch":2}'), limits)).toMatchObject({ batch: undefined });
  });

  it('stops at its limits', () => {
    expect(scanObject(Buffer.from('{"a":1,"b":2,"c":3}'), { members: 2, elements: 9 })).toBe('too-many-members');
    expect(scanObject(Buffer.from('{"batch":[1,2,3]}'), { members: 9, elements: 2 })).toBe('too-many-elements');
  });

  it('goes through megabytes of brackets without a stack', () => {
    const bytes = Buffer.from('['.repeat(2_000_000) + ']'.repeat(2_000_000));
    expect(scanValue(bytes, 0)).toEqual({ start: 0, end: 4_000_000, depth: 2_000_000, keys: 0 });
    expect(scanObject(Buffer.from(`{"a":${'{"a":'.repeat(500_000)}`), limits)).toBe('malformed');
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
