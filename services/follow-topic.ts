import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { FreshetError } from '../runtime/errors.ts';
import type { Kafka, PartitionReader, PartitionStream } from '../runtime/kafka/contract.ts';
import { tpKey } from '../runtime/record.ts';
import type { RawRecord } from '../runtime/record.ts';
import type { Serde } from '../runtime/topic.ts';

export interface FollowOptions<V> {
  readonly kafka: Kafka;
  readonly reader: PartitionReader;
  /** Physical name. A topic that does not exist yet is waited for. */
  readonly topic: string;
  readonly serde: Serde<V>;
  /** `start`: everything. Otherwise so many records of each partition before its end. */
  readonly from: 'start' | number;
  /** In order per partition; committed records only. `live`: written after the follower had started. */
  readonly onValue: (value: V, record: RawRecord, live: boolean) => void;
  /** What cannot be decoded is counted here and left out. */
  readonly onUndecodable?: () => void;
}

export interface Follower {
  /** Resolves when everything that was there at the start has been handed on. */
  readonly caughtUp: Promise<void>;
  close(): void;
}

const PAGE = 200;
const RETRY_MS = 1000;

/**
 * Reads a topic to its end and goes on, in pages with pauses so that whatever else the process does goes on too.
 * Broker and registry faults are waited out; where retention has overtaken it, it goes on from the first record there is.
 */
export function followTopic<V>(options: FollowOptions<V>): Follower {
  const over = new AbortController();
  return { caughtUp: follow(options, over.signal), close: () => over.abort() };
}

async function follow<V>(options: FollowOptions<V>, over: AbortSignal): Promise<void> {
  const { kafka, topic, from } = options;
  const found = await patiently(over, async () => {
    const count = await kafka.admin.partitions(topic);
    if (count === undefined) throw new FreshetError('BROKER_UNAVAILABLE', 'the topic is not there yet', { retryable: true });
    const all = Array.from({ length: count }, (_, partition) => ({ topic, partition }));
    return { count, starts: await kafka.admin.startOffsets(all), ends: await kafka.admin.endOffsets(all) };
  });
  if (found === undefined || over.aborted) return;
  const caughtUp = Array.from({ length: found.count }, (_, partition) => {
    const start = found.starts.get(tpKey(topic, partition)) ?? 0;
    const end = found.ends.get(tpKey(topic, partition)) ?? 0;
    const first = from === 'start' ? start : Math.max(start, end - from);
    return new Promise<void>((resolve) => void followPartition(options, partition, first, end, resolve, over).finally(resolve));
  });
  await Promise.all(caughtUp);
}

async function followPartition<V>(
  { kafka, reader, topic, serde, onValue, onUndecodable }: FollowOptions<V>,
  partition: number,
  first: number,
  end: number,
  caughtUp: () => void,
  over: AbortSignal,
): Promise<void> {
  let wake = (): void => undefined;
  over.addEventListener('abort', () => wake());
  const open = (offset: number): PartitionStream =>
    reader.open({ topic, partition }, offset, { notify: () => wake(), maxQueuedBytes: 1 << 20 });
  let stream = open(first);
  while (!over.aborted) {
    const woken = new Promise<void>((resolve) => (wake = resolve));
    const records = stream.take(PAGE);
    for (const record of records) {
      const { value } = record;
      if (value === null) continue;
      const decoded = await patiently(over, () => decode(serde, value));
      if (over.aborted) break;
      if (decoded === undefined) onUndecodable?.();
      else onValue(decoded.value, record, record.offset >= end);
    }
    if (stream.position >= end) caughtUp();
    if (records.length > 0) await turn();
    else if (stream.error === undefined) await woken;
    else {
      const position = stream.position;
      stream.close();
      await pause(RETRY_MS, undefined, { signal: over }).catch(() => undefined);
      const at = { topic, partition };
      const start = await patiently(over, async () => (await kafka.admin.startOffsets([at])).get(tpKey(topic, partition)) ?? 0);
      stream = open(Math.max(start ?? 0, position));
    }
  }
  stream.close();
}

/** Undefined: it cannot be decoded. Rejects while the registry is away. */
async function decode<V>(serde: Serde<V>, bytes: Buffer): Promise<{ readonly value: V } | undefined> {
  try {
    await serde.prepare?.(bytes);
    return { value: serde.decode(bytes) };
  } catch (error) {
    if (error instanceof FreshetError && error.retryable) throw error;
    return undefined;
  }
}

/** Tries again every second while the fault may pass. Undefined: it is over, or never will work. */
async function patiently<T>(over: AbortSignal, work: () => Promise<T>): Promise<T | undefined> {
  while (!over.aborted) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof FreshetError) || !error.retryable) return undefined;
      await pause(RETRY_MS, undefined, { signal: over }).catch(() => undefined);
    }
  }
  return undefined;
}
