import type { Kafka, PartitionStream } from '../../runtime/kafka/contract.ts';
import { header, type RawRecord, tpKey } from '../../runtime/record.ts';
import { now } from './load.ts';

/** When what was sent under an id has arrived somewhere; times in milliseconds. */
export class Arrivals {
  readonly #sent = new Map<string, number>();
  readonly #took = new Map<string, number>();

  sent(id: string, at: number): void {
    this.#sent.set(id, at);
  }

  /** Counts the first arrival of each id that was sent. */
  arrived(id: string): void {
    const sent = this.#sent.get(id);
    if (sent !== undefined && !this.#took.has(id)) this.#took.set(id, now() - sent);
  }

  get missing(): number {
    return this.#sent.size - this.#took.size;
  }

  /** Milliseconds under way of all that were sent from `from` on. */
  since(from: number): number[] {
    return [...this.#took].filter(([id]) => (this.#sent.get(id) ?? 0) >= from).map(([, took]) => took);
  }
}

/** Reads a topic from its present end as anybody would, committed records only; resolves once it does, with the way to end it. */
export async function follow(
  kafka: Kafka,
  topic: string,
  partitions: number,
  each: (record: RawRecord) => void,
): Promise<() => Promise<void>> {
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
  const ends = await kafka.admin.endOffsets(all);
  const reader = kafka.reader();
  for (const at of all) {
    const stream: PartitionStream = reader.open(at, ends.get(tpKey(topic, at.partition)) ?? 0, {
      notify: () => stream.take(100_000).forEach(each),
    });
  }
  return () => reader.close();
}

/** The header under which an event's id travels along. */
export function messageIdOf(record: RawRecord): string {
  return header(record.headers, 'message-id') ?? '';
}
