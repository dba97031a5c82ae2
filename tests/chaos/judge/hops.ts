import type { IdentifiedEvent, TaggedEvent } from '../../../schemas/generated/types.ts';
import type { Rejected } from '../../../runtime/record.ts';
import { opaqueKey } from '../../../schemas/keys.ts';
import { SECRET } from '../settings.ts';
import type { Counts } from './counts.ts';
import { type RawLog, REFUSED } from './raw-log.ts';

interface Place {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
}

/** Follows every raw record to the first two hops and to the refused ones. */
export class HopsJudge {
  /** Customer that an event was labelled with, by number. */
  readonly labels: (string | undefined)[] = [];
  /** Offset of the first tagged record of an event, by number: its place in the order of its identifier. */
  readonly taggedAt: number[] = [];
  /** The customer that a customer was merged into. */
  readonly mergedInto = new Map<string, string>();
  /** Events of a batch that the gateway refused, by number. */
  readonly refusedByGateway = new Set<number>();
  readonly #log: RawLog;
  readonly #counts: Counts;
  readonly #kept: string[] = [];
  readonly #keys = new Map<string, string>();
  readonly #out = new Set<string>();
  readonly #order = new Map<string, number>();

  constructor(log: RawLog, counts: Counts) {
    this.#log = log;
    this.#counts = counts;
  }

  tagged({ offset, key }: Place, { messageId, origin }: TaggedEvent): void {
    const from = `${origin.topic}-${origin.partition}-${origin.offset}`;
    const fate = this.#log.fate(origin.topic, origin.partition, origin.offset);
    if (fate === undefined || fate === REFUSED) return this.#counts.add('duplicated', 'tagged from nothing', from);
    if (this.#out.has(from)) return this.#counts.add('duplicated', 'tagged twice', from);
    this.#out.add(from);
    const sequence = `${key} ${origin.topic}-${origin.partition}`;
    if (origin.offset <= (this.#order.get(sequence) ?? -1)) this.#counts.add('out-of-order', 'tagged', `${from} ${messageId}`);
    this.#order.set(sequence, origin.offset);
    if (messageId !== `e${fate}` || key !== this.#keyOf(fate)) this.#counts.add('state-diff', 'tagged as another', from);
    if (this.#kept[fate] !== undefined) return;
    this.#kept[fate] = from;
    this.taggedAt[fate] = offset;
  }

  rejected({ topic, partition, offset, processor, reason, value }: Rejected): void {
    if (processor === 'gateway') {
      const id = /"messageId":"e(\d+)"/.exec(value?.toString('utf8') ?? '')?.[1];
      if (id !== undefined) this.refusedByGateway.add(Number(id));
      return;
    }
    const from = `${topic}-${partition}-${offset}`;
    if (this.#log.fate(topic, partition, offset) !== REFUSED)
      return this.#counts.add('lost', `refused though good, by ${processor}`, `${from}: ${reason}`);
    if (this.#out.has(from)) return this.#counts.add('duplicated', 'refused twice', from);
    this.#out.add(from);
  }

  identified({ key }: Place, { customer, event, marker }: IdentifiedEvent): void {
    if (key !== customer) this.#counts.add('state-diff', 'identified under another key', key);
    if (marker !== null && marker.kind === 'closing') {
      if (this.mergedInto.has(marker.loser)) this.#counts.add('duplicated', 'closed twice', marker.loser);
      this.mergedInto.set(marker.loser, marker.winner);
    }
    if (event === null) return;
    const index = Number(event.messageId.slice(1));
    const { origin } = event;
    const from = `${origin.topic}-${origin.partition}-${origin.offset}`;
    if (this.#log.events[index] === undefined) return this.#counts.add('duplicated', 'identified from nothing', from);
    if (this.labels[index] !== undefined) return this.#counts.add('duplicated', 'identified twice', `${event.messageId} ${from}`);
    this.labels[index] = customer;
    if (from !== this.#kept[index]) this.#counts.add('out-of-order', 'a repetition was kept, not the first', from);
    const sequence = `${this.#log.events[index].names[0]} ${customer}`;
    const at = this.taggedAt[index] ?? -1;
    if (at <= (this.#order.get(sequence) ?? -1)) this.#counts.add('out-of-order', 'identified', `${event.messageId} ${from}`);
    this.#order.set(sequence, at);
  }

  /** When all have been read: what has not come out. */
  finish(): void {
    for (const [topic, partition, offset, fate] of this.#log.fates()) {
      const from = `${topic}-${partition}-${offset}`;
      if (!this.#out.has(from)) this.#counts.add('lost', fate === REFUSED ? 'not refused' : 'not tagged', from);
    }
    for (const event of this.#log.events)
      if (event !== undefined && this.labels[event.index] === undefined)
        this.#counts.add('lost', 'not identified', `e${event.index} of ${event.names[0] ?? ''}`);
    this.#out.clear();
    this.#order.clear();
  }

  /** The customer that goes on from this one. */
  readonly resolve = (customer: string): string => {
    let at = customer;
    for (let next = this.mergedInto.get(at), steps = 0; next !== undefined && steps < 1_000; steps++) {
      at = next;
      next = this.mergedInto.get(at);
    }
    return at;
  };

  #keyOf(index: number): string {
    const [name = ''] = this.#log.events[index]?.names ?? [];
    const cut = name.indexOf(':');
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const key = opaqueKey(SECRET, name.slice(0, cut), name.slice(cut + 1));
    this.#keys.set(name, key);
    return key;
  }
}
