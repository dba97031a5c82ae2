import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { ActivationRequest, MembershipChange, Proof } from './generated/types.ts';
import { MemoryRegistry } from './registry/memory.ts';
import { createSerdes } from './serdes.ts';
import { topics } from './topics.ts';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const example = <T>(name: string): T => (JSON.parse(read(`examples/${name}.json`)) as readonly T[])[0] as T;

const now = Date.UTC(2026, 2, 14, 12);
const none: Proof = { now: null, lagMs: null, sources: [], hops: [], tables: [] };
/** What a reminder of a cart in a shop with a count of the stock may rest on. */
const typical: Proof = {
  now,
  lagMs: 5_120,
  sources: [
    { source: 'shop', watermark: now, asOf: now - 1_800_000, ageMs: 1_800_000, status: 'fresh', link: null },
    { source: 'stock', watermark: now - 36_000_000, asOf: now - 36_000_000, ageMs: 36_000_000, status: 'fresh', link: null },
  ],
  hops: [
    { hop: 'gateway', at: now + 3, ms: 3 },
    { hop: 'tag-freshness', at: now + 40, ms: 37 },
    { hop: 'stitch-identity', at: now + 95, ms: 55 },
  ],
  tables: [{ table: 'stock', source: 'stock', partition: 3, offset: 180_221, asOf: now - 36_000_000, ageMs: 36_005_120 }],
};

describe('a proof', () => {
  it('is as small as the document says', async () => {
    const serdes = createSerdes({ registry: new MemoryRegistry() });
    await serdes.register();
    const change = example<MembershipChange>('membership-change');
    const request = example<ActivationRequest>('activation-request');
    const changeBytes = (proof: Proof): number => serdes.of(topics.segmentsMembership).encode({ ...change, proof }).length;
    const requestBytes = (proof: Proof): number => serdes.of(topics.activationsRequested).encode({ ...request, proof }).length;
    // Nothing proven takes five bytes: two for what is null, three for lists without an item.
    const bytes = changeBytes(typical) - changeBytes(none) + 5;
    expect(requestBytes(typical) - requestBytes(none) + 5).toBe(bytes);
    const text = read('../docs/freshness.md').replaceAll(/\s+/g, ' ');
    expect(text).toContain(
      `two sources, three hops and one row of a table takes ${bytes} bytes: of ${changeBytes(typical)} bytes of a change of membership and ${requestBytes(typical)} bytes of a request`,
    );
  });
});
