import type { Admin, Producer } from '../../runtime/kafka/contract.ts';
import { tpKey } from '../../runtime/record.ts';
import type { Serde } from '../../runtime/topic.ts';
import type { CustomerMemberships } from '../../schemas/generated/types.ts';
import { topics } from '../../schemas/topics.ts';

/** Key under which a partition of `segments.members` names the place from which `segments.membership` goes on. */
export const CONTINUE_FROM = 'continue-from';

export interface PlacesOptions {
  readonly admin: Pick<Admin, 'stableOffsets'>;
  readonly producer: Pick<Producer, 'send'>;
  readonly serde: Serde<CustomerMemberships>;
  /** Physical names of `segments.membership` and `segments.members`. */
  readonly changes: string;
  readonly members: string;
  /** Partitions that this process answers for; two that tell of the same one do no harm. */
  readonly partitions: () => readonly number[];
  readonly onError: (error: unknown) => void;
}

/** Tells of those partitions where the changes have gone on since it was called last. */
export type TellPlaces = () => Promise<void>;

/**
 * Names in each partition of `segments.members` a place in the same partition of `segments.membership`: whatever lies before it is in
 * the records before this one. It is asked for first and written afterwards, and no transaction is open before it; so the records
 * that belong to those changes are there when it is written, whoever writes it and however late.
 */
export function placesTeller(options: PlacesOptions): TellPlaces {
  const { admin, producer, serde, changes, members, partitions, onError } = options;
  const told = new Map<number, number>();
  let busy = false;
  return async () => {
    if (busy) return;
    busy = true;
    try {
      const asked = partitions().map((partition) => ({ topic: changes, partition }));
      if (asked.length === 0) return;
      const ends = await admin.stableOffsets(asked);
      for (const { partition } of asked) {
        const offset = ends.get(tpKey(changes, partition));
        if (offset === undefined || offset === told.get(partition)) continue;
        const continueFrom = { topic: topics.segmentsMembership.name, partition, offset };
        const value = serde.encode({ customer: null, sequence: 0, segments: [], continueFrom });
        await producer.send({ topic: members, partition, records: [{ key: Buffer.from(CONTINUE_FROM), value }] });
        told.set(partition, offset);
      }
    } catch (error) {
      onError(error);
    } finally {
      busy = false;
    }
  };
}
