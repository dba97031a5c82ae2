import { stitchIdentity } from '../../processors/stitch-identity/index.ts';
import { TopologyTestDriver } from '../../runtime/testing/driver.ts';
import type { Topic } from '../../runtime/topic.ts';
import type { Identifier, TaggedEvent } from '../../schemas/generated/types.ts';
import { opaqueKey } from '../../schemas/keys.ts';
import { MemoryRegistry } from '../../schemas/registry/memory.ts';
import { createSerdes } from '../../schemas/serdes.ts';
import { topics } from '../../schemas/topics.ts';

export interface SteadyRow {
  readonly customers: number;
  readonly events: number;
  /** Records between identifiers, reports and markers that these events caused, all together. */
  readonly messages: number;
}

/** Of one merge of two customers with so many identifiers each, on average. */
export interface IdentityRow {
  readonly size: number;
  readonly merges: number;
  /** Records between identifiers. */
  readonly messages: number;
  /** Their keys and values together, bytes. */
  readonly bytes: number;
  /** In-band control records: opening, closing, and a seal for each identifier that had labelled the loser's events. */
  readonly markers: number;
  /** Records of identity.changes. */
  readonly reports: number;
}

const SECRET = 'a secret of the bench';
const MERGES = 100;
const MINUTE_MS = 60_000;

/** Counts what traffic of customers causes whose identifiers are all known: each event names two of them. */
export async function measureSteady(customers: number, events: number): Promise<SteadyRow> {
  const bench = await Bench.start();
  for (let customer = 0; customer < customers; customer++) bench.build(`c${customer}`, 3);
  await bench.settle();
  const before = bench.counts();
  for (let i = 0; i < events; i++) {
    const names = identifiers(`c${i % customers}`, 3);
    bench.event([names[0], names[1 + (Math.floor(i / customers) % 2)]]);
  }
  await bench.settle();
  const after = bench.counts();
  await bench.close();
  const sum = ({ messages, markers, reports }: Counts): number => messages + markers + reports;
  return { customers, events, messages: sum(after) - sum(before) };
}

/** Counts what it costs that two customers of so many identifiers each turn out to be one. */
export async function measureMerges(size: number): Promise<IdentityRow> {
  const bench = await Bench.start();
  for (let i = 0; i < MERGES; i++) for (const side of ['a', 'b']) bench.build(`${side}${i}`, size);
  await bench.settle();
  const before = bench.counts();
  for (let i = 0; i < MERGES; i++) bench.event([identifiers(`a${i}`, size).at(-1), identifiers(`b${i}`, size).at(-1)]);
  await bench.settle();
  const after = bench.counts();
  await bench.close();
  const each = (of: keyof Counts): number => (after[of] - before[of]) / MERGES;
  return {
    size,
    merges: MERGES,
    messages: each('messages'),
    bytes: each('bytes'),
    markers: each('markers'),
    reports: each('reports'),
  };
}

/** The highest first: of a customer of one identifier a device, of more an address and devices. */
function identifiers(customer: string, size: number): readonly Identifier[] {
  const devices = Array.from({ length: size - 1 }, (_, i): Identifier => ({ kind: 'device_id', value: `${customer}-${i}` }));
  return [{ kind: 'email', value: `${customer}@bench.example` }, ...devices];
}

interface Counts {
  readonly messages: number;
  readonly bytes: number;
  readonly markers: number;
  readonly reports: number;
}

class Bench {
  readonly #driver: TopologyTestDriver;
  #events = 0;

  private constructor(driver: TopologyTestDriver) {
    this.#driver = driver;
  }

  static async start(): Promise<Bench> {
    const serdes = createSerdes({ registry: new MemoryRegistry() });
    await serdes.register();
    const processors = [stitchIdentity({ secret: SECRET })];
    return new Bench(await TopologyTestDriver.start({ processors, serdes, rejected: topics.eventsRejected }));
  }

  /** Events that make one customer of so many identifiers, each of which has events of its own. */
  build(customer: string, size: number): void {
    const [first, ...others] = identifiers(customer, size);
    this.event([first]);
    for (const other of others) {
      this.event([other]);
      this.event([first, other]);
    }
  }

  event(names: readonly (Identifier | undefined)[]): void {
    const named = names.filter((name) => name !== undefined);
    const [primary] = named;
    if (primary === undefined) return;
    const occurredAt = this.#driver.clock.now() - MINUTE_MS * (1_000_000 - this.#events);
    const event: TaggedEvent = {
      messageId: `m${this.#events++}`,
      source: 'bench',
      type: 'track',
      event: 'Looked',
      occurredAt,
      receivedAt: occurredAt,
      asOf: null,
      identifiers: named,
      properties: '{}',
      traits: '{}',
      context: '{}',
      flags: [],
      mode: 'live',
      origin: { topic: 'events.raw', partition: 0, offset: this.#events },
    };
    this.#driver.pipe(topics.eventsTagged, opaqueKey(SECRET, primary.kind, primary.value), event);
  }

  settle(): Promise<void> {
    return this.#driver.settle();
  }

  counts(): Counts {
    const recordsOf = (topic: Topic) => this.#driver.broker.records(topic.name);
    const messages = recordsOf(topics.identityLinks);
    return {
      messages: messages.length,
      bytes: messages.reduce((sum, { key, value }) => sum + (key?.length ?? 0) + (value?.length ?? 0), 0),
      markers: recordsOf(topics.eventsIdentified).filter(({ headers }) => headers['marker'] !== undefined).length,
      reports: recordsOf(topics.identityChanges).length,
    };
  }

  close(): Promise<void> {
    return this.#driver.close();
  }
}
