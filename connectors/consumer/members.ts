import { createSerdes } from '../../schemas/serdes.ts';
import { physicalName } from '../../schemas/topic-specs.ts';
import { topics } from '../../schemas/topics.ts';
import { changeReader } from './changes.ts';
import type { ConsumerGround, Member, Members } from './index.ts';
import { byPartition, partitionsOf, readPartitions } from './partitions.ts';

/** The sequence of a customer's last change, and whether he belongs. */
interface Known {
  readonly sequence: number;
  readonly member: Member | undefined;
}

/**
 * As `SegmentReader.members`. First it asks up to where the changes have no open transaction; what lies before is in the compacted
 * topic once that has been read. What follows, up to the end that the changes have then, is added by its sequence: so the members are those
 * of that end, and nothing after it is known twice.
 */
export async function membersOf(ground: ConsumerGround, segment: string): Promise<Members> {
  const { kafka, registry, prefix = '' } = ground;
  const { admin } = kafka;
  const serde = createSerdes({ registry, prefix }).of(topics.segmentsMembers);
  const changes = await partitionsOf(kafka, physicalName(prefix, topics.segmentsMembership));
  const compacted = await partitionsOf(kafka, physicalName(prefix, topics.segmentsMembers));
  const settled = byPartition(changes, await admin.stableOffsets(changes));
  const from = byPartition(compacted, await admin.startOffsets(compacted));
  const until = byPartition(compacted, await admin.endOffsets(compacted));
  const known = new Map<string, Known>();
  const reader = kafka.reader();
  try {
    for await (const { record } of readPartitions({ reader, partitions: compacted, from, until })) {
      const { key, value } = record;
      if (key === null) continue;
      if (value === null) {
        known.delete(key.toString('utf8'));
        continue;
      }
      await serde.prepare?.(value);
      const { customer, sequence, segments } = serde.decode(value);
      if (customer === null) continue;
      const found = segments.find((each) => each.segment === segment);
      known.set(customer, { sequence, member: found && { since: found.since, sequence: found.sequence } });
    }
    const ends = byPartition(changes, await admin.endOffsets(changes));
    const changeIn = changeReader(ground);
    for await (const { record } of readPartitions({ reader, partitions: changes, from: settled, until: ends })) {
      const change = await changeIn(record, segment);
      if (change === undefined || change.sequence <= (known.get(change.customer)?.sequence ?? 0)) continue;
      const { customer, sequence, effectiveAt } = change;
      known.set(customer, { sequence, member: change.change === 'entered' ? { since: effectiveAt, sequence } : undefined });
    }
    const members = [...known].flatMap(([id, { member }]): [string, Member][] => (member === undefined ? [] : [[id, member]]));
    return { members: new Map(members), position: ends };
  } finally {
    await reader.close();
  }
}
