import { stitchIdentity } from '../processors/stitch-identity/index.ts';
import { tagFreshness } from '../processors/tag-freshness/index.ts';
import { leafEvent } from '../processors/evaluate-segments/index.ts';
import type { LeafEvent } from '../processors/evaluate-segments/operator.ts';
import { TopologyTestDriver } from '../runtime/testing/driver.ts';
import type { SourceConfig } from '../schemas/config.ts';
import type { IdentifiedEvent, Position } from '../schemas/generated/types.ts';
import { createRawDecoder } from '../schemas/raw-decoder.ts';
import { MemoryRegistry } from '../schemas/registry/memory.ts';
import { createSerdes } from '../schemas/serdes.ts';
import { topics } from '../schemas/topics.ts';
import type { Workspace } from '../workspace/load.ts';
import type { FileRecord } from './identity-events.ts';

/** An event of a customer, with its place on the topic where it has one. */
export interface HistoryEvent extends LeafEvent {
  readonly position?: Position;
}

/** All events by customer, as `events.identified` tells them; what two customers did who became one is of the one who goes on. */
export class Histories {
  readonly #events = new Map<string, HistoryEvent[]>();
  readonly #winners = new Map<string, string>();
  readonly #names = new Map<string, string>();
  #rejected = 0;

  take({ customer, event, marker }: IdentifiedEvent, position?: Position): void {
    if (marker?.kind === 'closing') this.#winners.set(marker.loser, marker.winner);
    if (event === null) return;
    for (const { kind, value } of event.identifiers) this.#names.set(`${kind}:${value}`, customer);
    const known = this.#events.get(customer) ?? [];
    if (known.length === 0) this.#events.set(customer, known);
    known.push({ ...leafEvent(event), ...(position === undefined ? {} : { position }) });
  }

  reject(): void {
    this.#rejected += 1;
  }

  /** Records that could not be used. */
  get rejected(): number {
    return this.#rejected;
  }

  /** Who goes on for a customer. */
  survivor(customer: string): string {
    let at = customer;
    for (let next = this.#winners.get(at); next !== undefined; next = this.#winners.get(at)) at = next;
    return at;
  }

  /** Who went by an identifier last, normalised as it is. */
  named(kind: string, value: string): string | undefined {
    const customer = this.#names.get(`${kind}:${value}`);
    return customer === undefined ? undefined : this.survivor(customer);
  }

  /** Customers who go on, each with all events in the order of event time. */
  all(): ReadonlyMap<string, readonly HistoryEvent[]> {
    const found = new Map<string, HistoryEvent[]>();
    for (const [customer, events] of this.#events) {
      const survivor = this.survivor(customer);
      found.set(survivor, [...(found.get(survivor) ?? []), ...events]);
    }
    for (const events of found.values())
      events.sort((one, other) => one.occurredAt - other.occurredAt || (one.messageId < other.messageId ? -1 : 1));
    return found;
  }
}

/** Records between two rests. */
const PAGE = 2000;

/** Runs records of files through the first two processors of the walk, the very same ones, over a broker in memory. */
export async function historiesOfFiles(
  records: AsyncIterable<FileRecord>,
  source: SourceConfig,
  { secret, identity }: Pick<Workspace, 'secret' | 'identity'>,
  now: number,
): Promise<Histories> {
  const registry = new MemoryRegistry();
  const serdes = createSerdes({ registry });
  await serdes.register();
  const processors = [
    tagFreshness({ sources: [source], secret, values: identity.values, rawDecoder: createRawDecoder({ registry }) }),
    stitchIdentity({ secret, identity }),
  ];
  const driver = await TopologyTestDriver.start({ processors, serdes, rejected: topics.eventsRejected, now });
  const histories = new Histories();
  const take = async (): Promise<void> => {
    await driver.settle();
    for (const { value } of driver.read(topics.eventsIdentified)) histories.take(value);
    driver.read(topics.eventsRejected).forEach(() => histories.reject());
  };
  try {
    let count = 0;
    for await (const { topic, record } of records) {
      driver.broker.append(topic, count++ % driver.partitions, [{ ...record, timestamp: now }]);
      if (count % PAGE === 0) await take();
    }
    await take();
    return histories;
  } finally {
    await driver.close();
  }
}
