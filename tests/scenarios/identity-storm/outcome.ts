import type { Kafka, PartitionReader } from '../../../runtime/kafka/contract.ts';
import { tpKey } from '../../../runtime/record.ts';
import type { Serdes } from '../../../schemas/serdes.ts';
import { topics } from '../../../schemas/topics.ts';

/** What comes out, read as it comes, committed records only. */
export class Outcome {
  /** By message id: the customer it was given. */
  readonly events = new Map<string, string>();
  /** Message ids that came out twice, or after the end of their customer. */
  readonly wrong: string[] = [];
  readonly mergedInto = new Map<string, string>();
  /** By customer that ends: how many seals are still missing. */
  readonly unsealed = new Map<string, number>();
  /** By segment: who is in it now. */
  readonly members = new Map<string, Set<string>>();
  readonly #kafka: Kafka;
  readonly #reader: PartitionReader;
  readonly #streams: {
    readonly position: number;
    readonly topic: string;
    readonly partition: number;
    readonly drain: () => Promise<void>;
  }[];
  #waiting: () => void = () => undefined;

  constructor(kafka: Kafka, serdes: Serdes, prefix: string, partitions: number) {
    this.#kafka = kafka;
    this.#reader = kafka.reader();
    const [identified, membership] = [serdes.of(topics.eventsIdentified), serdes.of(topics.segmentsMembership)];
    const open = (topic: string, take: (bytes: Buffer) => void, prepare: (bytes: Buffer) => void | Promise<void>) =>
      Array.from({ length: partitions }, (_, partition) => {
        let taking: Promise<void> = Promise.resolve();
        const stream = this.#reader.open({ topic: prefix + topic, partition }, 0, { notify: () => void drain() });
        const drain = (): Promise<void> => {
          taking = taking.then(async () => {
            if (stream.error) throw stream.error;
            for (const { value } of stream.take(Infinity)) {
              if (value === null) continue;
              await prepare(value);
              take(value);
            }
            this.#waiting();
          });
          return taking;
        };
        return {
          get position() {
            return stream.position;
          },
          topic: prefix + topic,
          partition,
          drain,
        };
      });
    this.#streams = [
      ...open(
        topics.eventsIdentified.name,
        (bytes) => {
          const { customer, event, marker } = identified.decode(bytes);
          if (event) this.#event(event.messageId, customer);
          if (marker?.kind === 'closing') this.mergedInto.set(marker.loser, marker.winner);
          if (marker?.kind === 'closing') this.#sealed(marker.loser, marker.members.length);
          if (marker?.kind === 'sealed') this.#sealed(marker.loser, -1);
        },
        (bytes) => identified.prepare?.(bytes),
      ),
      ...open(
        topics.segmentsMembership.name,
        (bytes) => {
          const { customer, segment, change } = membership.decode(bytes);
          const inside = this.members.get(segment) ?? new Set();
          this.members.set(segment, inside);
          if (change === 'entered') inside.add(customer);
          else inside.delete(customer);
        },
        (bytes) => membership.prepare?.(bytes),
      ),
    ];
  }

  /** The customer in whom this one has ended. */
  survivor(customer: string): string {
    let at = customer;
    for (let next = this.mergedInto.get(at); next !== undefined; next = this.mergedInto.get(at)) at = next;
    return at;
  }

  /** Resolves when the condition holds; rejects when the time is over. */
  until(condition: () => boolean, patienceMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`only ${this.events.size} events came out`)), patienceMs);
      this.#waiting = () => {
        if (!condition()) return;
        clearTimeout(late);
        resolve();
      };
      this.#waiting();
    });
  }

  /** Resolves when everything that is there now has been read. */
  async catchUp(): Promise<void> {
    const ends = await this.#kafka.admin.endOffsets(this.#streams);
    await this.until(
      () => this.#streams.every((stream) => stream.position >= (ends.get(tpKey(stream.topic, stream.partition)) ?? 0)),
      60_000,
    );
    for (const { drain } of this.#streams) await drain();
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }

  #event(id: string, customer: string): void {
    if (this.events.has(id)) this.wrong.push(`${id} twice`);
    if (this.mergedInto.has(customer) && (this.unsealed.get(customer) ?? 0) === 0)
      this.wrong.push(`${id} after the end of its customer`);
    this.events.set(id, customer);
  }

  #sealed(loser: string, by: number): void {
    const left = (this.unsealed.get(loser) ?? 0) + by;
    if (left === 0) this.unsealed.delete(loser);
    else this.unsealed.set(loser, left);
  }
}
