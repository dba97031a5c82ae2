import type { Groups } from '../processors/stitch-identity/fuzzy/group.ts';
import type { IdentityRules } from '../processors/stitch-identity/identity.ts';
import { stitchIdentity } from '../processors/stitch-identity/index.ts';
import { labelling, Lineage } from '../processors/stitch-identity/lineage.ts';
import type { PackedComponent } from '../processors/stitch-identity/packed.ts';
import { COMPONENT, NODE, type Node } from '../processors/stitch-identity/site.ts';
import { tagFreshness } from '../processors/tag-freshness/index.ts';
import { noMetrics } from '../runtime/metrics.ts';
import { TopologyTestDriver } from '../runtime/testing/driver.ts';
import type { SourceConfig } from '../schemas/config.ts';
import type { TaggedEvent } from '../schemas/generated/types.ts';
import { opaqueKey } from '../schemas/keys.ts';
import { createRawDecoder } from '../schemas/raw-decoder.ts';
import { MemoryRegistry } from '../schemas/registry/memory.ts';
import { createSerdes } from '../schemas/serdes.ts';
import { topics } from '../schemas/topics.ts';
import type { FileRecord } from './identity-events.ts';
import { fuzzyGroups, Portraits } from './identity-fuzzy.ts';

/** A customer that was found: its identifiers as `kind:value`, and how many events. */
export interface FoundCustomer {
  readonly identifiers: readonly string[];
  readonly events: number;
}

export interface Simulation {
  readonly events: number;
  /** Of every event, by its message id. */
  readonly customerOf: ReadonlyMap<string, string>;
  /** By customer id, those with most identifiers first. */
  readonly customers: ReadonlyMap<string, FoundCustomer>;
  /** Groups of identifiers that evidence holds together, whatever the limits made of them: sizes, the largest first. */
  readonly components: readonly { readonly size: number; readonly edges: number; readonly root: string }[];
  readonly merges: number;
  /** Customers whom an operator's words have divided. */
  readonly divisions: number;
  /** Links that were refused, by reason. */
  readonly refused: readonly { readonly reason: string; readonly identifiers: readonly string[]; readonly occurredAt: number }[];
  /** Events that could not be used, by reason. */
  readonly rejected: ReadonlyMap<string, number>;
  /** Identifiers that name nobody, by kind. */
  readonly ignored: ReadonlyMap<string, number>;
  /** Customers who look alike, by customer id, when the rules have a fuzzy step; nothing else here counts them as one. */
  readonly fuzzy?: Groups;
}

export interface SimulationOptions {
  readonly records: AsyncIterable<FileRecord>;
  readonly source: SourceConfig;
  readonly secret: string;
  readonly rules: IdentityRules;
  /** Epoch milliseconds that stand for now. */
  readonly now: number;
  /** What operators have said, or would say. */
  readonly commands?: readonly TaggedEvent[];
}

/** Records between two rests. */
const PAGE = 2000;

/**
 * Runs records through the first two processors of the walk, the very same ones, four tasks each, over a broker in memory. Keeps
 * everything in memory: about a kilobyte an event.
 */
export async function simulateIdentity({
  records,
  source,
  secret,
  rules,
  now,
  commands = [],
}: SimulationOptions): Promise<Simulation> {
  const registry = new MemoryRegistry();
  const serdes = createSerdes({ registry });
  await serdes.register();
  const fold = new Fold(secret, rules);
  const processors = [
    tagFreshness({ sources: [source], secret, values: rules.values, rawDecoder: createRawDecoder({ registry }) }),
    stitchIdentity({ secret, identity: rules }),
  ];
  const metrics = { ...noMetrics, counted: fold.counted };
  const driver = await TopologyTestDriver.start({ processors, serdes, rejected: topics.eventsRejected, now, metrics });
  try {
    let count = 0;
    const take = async (): Promise<void> => {
      await driver.settle();
      fold.take(driver);
    };
    for await (const { topic, record } of records) {
      driver.broker.append(topic, count++ % driver.partitions, [{ ...record, timestamp: now }]);
      if (count % PAGE === 0) await take();
    }
    await take();
    for (const command of commands) {
      const [first] = command.identifiers;
      if (first) driver.pipe(topics.eventsTagged, opaqueKey(secret, first.kind, first.value), command);
    }
    await take();
    return fold.result(driver);
  } finally {
    await driver.close();
  }
}

interface SeenEvent {
  readonly customer: string;
  readonly names: readonly string[];
  /** Keys of the identifiers that count, the one that labelled it first. */
  readonly keys: readonly string[];
  readonly at: number;
}

/** What came of the records, gathered as they go. */
class Fold {
  readonly #secret: string;
  /** Identifiers by their opaque keys. */
  readonly #names = new Map<string, string>();
  readonly #events = new Map<string, SeenEvent>();
  readonly #lineage = new Lineage();
  readonly #refused: { reason: string; identifiers: string[]; occurredAt: number }[] = [];
  readonly #rejected = new Map<string, number>();
  readonly #ignored = new Map<string, number>();
  readonly #rules: IdentityRules;
  readonly #portraits: Portraits | undefined;

  constructor(secret: string, rules: IdentityRules) {
    this.#secret = secret;
    this.#rules = rules;
    this.#portraits = rules.fuzzy && new Portraits(rules.fuzzy);
  }

  readonly counted = (_task: unknown, name: string, labels: Readonly<Record<string, string>>, by: number): void => {
    if (name === 'ignored-identifier') add(this.#ignored, labels['reason'] ?? '', by);
  };

  take(driver: TopologyTestDriver): void {
    for (const { value } of driver.read(topics.eventsIdentified)) {
      const { customer, event, marker } = value;
      if (marker) this.#lineage.take(marker);
      if (!event) continue;
      const names = event.identifiers.map(({ kind, value: text }) => `${kind}:${text}`);
      event.identifiers.forEach(({ kind, value: text }, i) =>
        this.#names.set(opaqueKey(this.#secret, kind, text), names[i] ?? ''),
      );
      const keys = labelling(event.identifiers, this.#rules, this.#secret);
      this.#events.set(event.messageId, { customer, names, keys, at: event.occurredAt });
      if (event.type !== 'group') this.#portraits?.add(customer, event.occurredAt, event.traits);
    }
    for (const { value } of driver.read(topics.identityChanges)) {
      const { kind, reason, identifiers, occurredAt } = value;
      if (kind === 'refused' || kind === 'super-node') this.#refused.push({ reason, identifiers: [...identifiers], occurredAt });
    }
    for (const { value } of driver.read(topics.eventsRejected)) add(this.#rejected, `${value.step}: ${value.reason}`, 1);
  }

  result(driver: TopologyTestDriver): Simulation {
    const customerOf = new Map<string, string>();
    const customers = new Map<string, { names: Set<string>; events: number }>();
    for (const [messageId, { customer, names, keys, at }] of this.#events) {
      const survivor = this.#lineage.survivor(customer, keys, at);
      customerOf.set(messageId, survivor);
      const known = customers.get(survivor) ?? { names: new Set(), events: 0 };
      for (const name of names) if (this.#isOf(driver, name, survivor)) known.names.add(name);
      known.events += 1;
      customers.set(survivor, known);
    }
    const found = [...customers].map(([id, { names, events }]) => [id, { identifiers: [...names].sort(), events }] as const);
    found.sort(
      ([a, one], [b, two]) => two.identifiers.length - one.identifiers.length || two.events - one.events || (a < b ? -1 : 1),
    );
    const all = new Map(found);
    const { fuzzy } = this.#rules;
    const people = this.#portraits?.people((customer) => this.#survivor(customer));
    return {
      ...(fuzzy && people && { fuzzy: fuzzyGroups(people, all, this.#rules, fuzzy) }),
      events: this.#events.size,
      customerOf,
      customers: all,
      components: this.#components(driver),
      merges: this.#lineage.merged.size,
      divisions: this.#lineage.divided.size,
      refused: this.#refused.map((each) => ({
        ...each,
        identifiers: each.identifiers.map((key) => this.#names.get(key) ?? key),
      })),
      rejected: this.#rejected,
      ignored: this.#ignored,
    };
  }

  #survivor(customer: string): string {
    return this.#lineage.survivor(customer);
  }

  /** Whether events of an identifier belong to a customer, at whatever time; an identifier without events belongs where it was seen. */
  #isOf(driver: TopologyTestDriver, name: string, customer: string): boolean {
    const node = nodeOf(driver, this.#keyOf(name));
    return !node?.timeline || node.timeline.some(([, each]) => this.#survivor(each) === customer);
  }

  #keyOf(name: string): string {
    const colon = name.indexOf(':');
    return opaqueKey(this.#secret, name.slice(0, colon), name.slice(colon + 1));
  }

  #components(driver: TopologyTestDriver): Simulation['components'] {
    const found = [];
    for (const [key, root] of this.#names) {
      if (nodeOf(driver, key)?.parent !== null) continue;
      const packed = driver.state('stitch-identity', key, COMPONENT) as PackedComponent | undefined;
      found.push({ root, size: packed ? packed.members.length / 2 : 1, edges: packed ? packed.edges.length / 3 : 0 });
    }
    return found.sort((a, b) => b.size - a.size || (a.root < b.root ? -1 : 1));
  }
}

function nodeOf(driver: TopologyTestDriver, key: string): Node | undefined {
  const has = driver.parts('stitch-identity', key).includes(NODE);
  return has ? (driver.state('stitch-identity', key, NODE) as Node) : undefined;
}

function add(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

/** Customers of one simulation whose events lie with several of another. */
export interface Regrouped {
  readonly customer: string;
  readonly others: readonly string[];
}

/** What other rules make of the same events: `merged`: customers of `after` that were several before; `split`: the other way round. */
export function difference(before: Simulation, after: Simulation): { merged: readonly Regrouped[]; split: readonly Regrouped[] } {
  const regrouped = (of: Simulation, among: Simulation): Regrouped[] => {
    const others = new Map<string, Set<string>>();
    for (const [messageId, customer] of of.customerOf) {
      const other = among.customerOf.get(messageId);
      if (other === undefined) continue;
      const known = others.get(customer) ?? new Set();
      others.set(customer, known.add(other));
    }
    return [...others].flatMap(([customer, set]) => (set.size > 1 ? [{ customer, others: [...set] }] : []));
  };
  return { merged: regrouped(after, before), split: regrouped(before, after) };
}
