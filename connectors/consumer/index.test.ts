import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { FreshetError } from '../../runtime/errors.ts';
import type { TransactionalProducer } from '../../runtime/kafka/contract.ts';
import { partitionFor } from '../../runtime/partition.ts';
import { MemoryBroker } from '../../runtime/testing/memory-kafka.ts';
import type { CustomerMemberships, MembershipChange } from '../../schemas/generated/types.ts';
import { MemoryRegistry } from '../../schemas/registry/memory.ts';
import { createSerdes } from '../../schemas/serdes.ts';
import { topics } from '../../schemas/topics.ts';
import { type Members, readSegment, type SegmentReader } from './index.ts';

const PARTITIONS = 2;
const names = [topics.segmentsMembership.name, topics.segmentsMembers.name] as const;
const file = new URL('../../schemas/examples/membership-change.json', import.meta.url);
const [example] = JSON.parse(readFileSync(file, 'utf8')) as [MembershipChange];
const propertyRuns = (inCi: number): number => inCi * ((globalThis as { readonly runs?: number }).runs ?? 1);

const registry = new MemoryRegistry();
const serdes = createSerdes({ registry, topics: [topics.segmentsMembership, topics.segmentsMembers] });
const registered = serdes.register();

/** What happens to a customer: he enters or leaves, whichever is next for him, or is no more. */
interface Step {
  readonly customer: string;
  readonly segment: string;
  readonly ends: boolean;
}

/** Writes as the customers' task does: changes and what they make of the customer in one transaction, a producer for each partition. */
class House {
  readonly broker: MemoryBroker;
  readonly serdes = serdes;
  readonly #producers: TransactionalProducer[] = [];
  readonly #known = new Map<string, { sequence: number; in: Map<string, number> }>();

  private constructor(seed: number) {
    const trouble = { lateMarkers: true, staleHighWatermark: true, delayedDelivery: true, lateAnswers: true };
    this.broker = new MemoryBroker({
      topics: Object.fromEntries(names.map((name) => [name, PARTITIONS])),
      nastiness: { seed, ...trouble },
    });
  }

  static async open(seed = 1): Promise<House> {
    const house = new House(seed);
    await registered;
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const producer = house.broker.client().transactionalProducer(`customers-${partition}`);
      await producer.init();
      house.#producers.push(producer);
    }
    return house;
  }

  async step({ customer, segment, ends }: Step): Promise<void> {
    const known = this.#known.get(customer) ?? { sequence: 0, in: new Map<string, number>() };
    this.#known.set(customer, known);
    const told = ends ? [...known.in.keys()] : [segment];
    if (told.length === 0) return;
    const changes = told.map((each) => this.#change(known, customer, each));
    const members: CustomerMemberships = {
      customer,
      sequence: known.sequence,
      segments: [...known.in].map(([name, sequence]) => ({ segment: name, sequence, since: sequence })),
      continueFrom: null,
    };
    const [partition, key] = [partitionFor(customer, PARTITIONS), Buffer.from(customer)];
    const encode = (change: MembershipChange): Buffer => this.serdes.of(topics.segmentsMembership).encode(change);
    const rows = changes.map((row) => ({ key, value: encode(row), headers: { segment: Buffer.from(row.segment) } }));
    const value = ends ? null : this.serdes.of(topics.segmentsMembers).encode(members);
    await this.#producers[partition]?.transact([
      { topic: names[0], partition, records: rows },
      { topic: names[1], partition, records: [{ key, value }] },
    ]);
  }

  #change(known: { sequence: number; in: Map<string, number> }, customer: string, segment: string): MembershipChange {
    const enters = !known.in.has(segment);
    known.sequence += 1;
    if (enters) known.in.set(segment, known.sequence);
    else known.in.delete(segment);
    return {
      id: `${customer}-${known.sequence}`,
      customer,
      segment,
      version: 'sha256:0',
      change: enters ? 'entered' : 'left',
      sequence: known.sequence,
      effectiveAt: known.sequence,
      cause: { kind: 'event', messageId: null, event: null, after: null, corrects: null },
      proof: example.proof,
    };
  }

  /** Who belongs to a segment. */
  members(segment: string): readonly string[] {
    return [...this.#known].flatMap(([id, known]) => (known.in.has(segment) ? [id] : [])).sort();
  }

  reader(segment: string): SegmentReader {
    return readSegment({ kafka: this.broker.client(), registry }, segment);
  }
}

const steps = fc.array(
  fc.record({
    customer: fc.constantFrom('ada', 'ben', 'cy', 'di', 'eve'),
    segment: fc.constantFrom('vip', 'late'),
    ends: fc.integer({ min: 0, max: 9 }).map((lot) => lot === 0),
  }),
  { minLength: 1, maxLength: 40 },
);

/** A customer of each partition. */
const lasts = Array.from({ length: PARTITIONS }, (_, partition) => {
  let number = 0;
  while (partitionFor(`last-${number}`, PARTITIONS) !== partition) number += 1;
  return `last-${number}`;
});

/** Adds what changes from a place on, up to the last customers, to the members. */
async function follow(reader: SegmentReader, { members, position }: Members): Promise<readonly string[]> {
  const folded = new Set(members.keys());
  for await (const { change } of reader.changes(position)) {
    expect(folded.has(change.customer)).toBe(change.change === 'left');
    if (change.change === 'entered') folded.add(change.customer);
    else folded.delete(change.customer);
    if (lasts.every((last) => folded.has(last))) break;
  }
  return [...folded].sort();
}

describe('a reader of a segment', () => {
  it('has exactly the members, whenever it comes, whatever is compacted, while transactions go on', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(), fc.nat(), async (all, seed, when) => {
        const house = await House.open(seed);
        const first = all.slice(0, when % all.length);
        for (const step of first) await house.step(step);
        house.broker.compact(names[1], { dropTombstones: seed % 2 === 0 });
        const reader = house.reader('vip');
        const going = (async () => {
          for (const step of all.slice(first.length)) await house.step(step);
        })();
        const begun = await reader.members();
        await going;
        for (const customer of lasts) await house.step({ customer, segment: 'vip', ends: false });
        expect(await follow(reader, begun)).toEqual(house.members('vip'));
        expect([...(await reader.members()).members.keys()].sort()).toEqual(house.members('vip'));
      }),
      { numRuns: propertyRuns(10) },
    );
  });

  it('goes on where it was, and hands out nothing twice', async () => {
    const house = await House.open();
    for (const customer of ['ada', 'ben', 'cy']) await house.step({ customer, segment: 'vip', ends: false });
    const reader = house.reader('vip');
    const seen: string[] = [];
    let kept = (await house.reader('nobody').members()).position;
    await house.step({ customer: 'di', segment: 'vip', ends: false });
    await house.step({ customer: 'ada', segment: 'vip', ends: false });
    for (let turn = 0; turn < 2; turn++) {
      for await (const { change, position } of reader.changes(kept)) {
        seen.push(`${change.customer} ${change.change}`);
        kept = position;
        break;
      }
    }
    expect(seen.sort()).toEqual(['ada left', 'di entered']);
  });

  it('says when the place is older than what is kept', async () => {
    const house = await House.open();
    await house.step({ customer: 'ada', segment: 'vip', ends: false });
    house.broker.truncate(names[0], partitionFor('ada', PARTITIONS), 1);
    const begun = { members: new Map(), position: { 0: 0, 1: 0 } };
    const error: unknown = await follow(house.reader('vip'), begun).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FreshetError);
    expect(error).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' });
  });

  it('ends when it is told to, also while nothing comes', async () => {
    const house = await House.open();
    const over = new AbortController();
    const { position } = await house.reader('vip').members();
    const reading = (async () => {
      for await (const delivered of house.reader('vip').changes(position, { signal: over.signal })) return delivered;
      return 'over';
    })();
    setImmediate(() => over.abort());
    expect(await reading).toBe('over');
  });
});
