import type { MembershipChange } from '../../schemas/generated/types.ts';
import { createSerdes } from '../../schemas/serdes.ts';
import { physicalName } from '../../schemas/topic-specs.ts';
import { topics } from '../../schemas/topics.ts';
import type { ChangesPosition, ConsumerGround, DeliveredChange } from './index.ts';
import { partitionsOf, type Read, readPartitions } from './partitions.ts';

/** The change that a record holds, if it is one of the segment; others are not decoded. */
export function changeReader({
  registry,
  prefix = '',
}: ConsumerGround): (record: Read['record'], segment: string) => Promise<MembershipChange | undefined> {
  const serde = createSerdes({ registry, prefix }).of(topics.segmentsMembership);
  return async ({ value, headers }, segment) => {
    if (value === null || headers['segment']?.toString('utf8') !== segment) return undefined;
    await serde.prepare?.(value);
    return serde.decode(value);
  };
}

/** As `SegmentReader.changes`. */
export async function* changesOf(
  ground: ConsumerGround,
  segment: string,
  from: ChangesPosition,
  signal: AbortSignal | undefined,
): AsyncGenerator<DeliveredChange, void, undefined> {
  const { kafka, prefix = '' } = ground;
  const changeIn = changeReader(ground);
  const partitions = await partitionsOf(kafka, physicalName(prefix, topics.segmentsMembership));
  const reader = kafka.reader();
  let position = from;
  try {
    for await (const { partition, record } of readPartitions({ reader, partitions, from, signal })) {
      const change = await changeIn(record, segment);
      position = { ...position, [partition]: record.offset + 1 };
      if (change !== undefined) yield { change, position };
    }
  } finally {
    await reader.close();
  }
}
