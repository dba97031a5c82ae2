import type { PartitionStream } from './kafka/contract.ts';
import type { RawRecord } from './record.ts';

/** So much is taken at once of what is read again, so that what comes in now does not wait for it. */
const AT_ONCE = 1000;

/** Name of the input under which records come that are read again. */
export function againName(topic: string): string {
  return `${topic}~again`;
}

/** A stream that ends before `until`, and is closed there. */
export function streamUpTo(stream: PartitionStream, from: number, until: number, page = AT_ONCE): PartitionStream {
  const position = (): number => Math.min(Math.max(stream.position, from), until);
  const take = (max: number): readonly RawRecord[] => {
    if (position() >= until) return [];
    const records = stream.take(Math.min(max, page)).filter(({ offset }) => offset < until);
    if (position() >= until) stream.close();
    return records;
  };
  return {
    topic: stream.topic,
    partition: stream.partition,
    take,
    close: () => stream.close(),
    get queued() {
      return position() >= until ? 0 : stream.queued;
    },
    get position() {
      return position();
    },
    // Retention may have taken its start away meanwhile: a take-over goes on from what is left.
    get error() {
      return stream.error && new Error(`what is read again ended: ${stream.error.message}`);
    },
  };
}
