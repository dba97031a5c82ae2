import { Cluster } from '../../../runtime/kafka/cluster.ts';
import type { ApiRequest } from '../../../runtime/kafka/request.ts';
import { eventually } from '../../support/eventually.ts';

/** Resolves when every partition of a local cluster has all its replicas in sync again: the next broker may fall. */
export async function inSync(brokers: readonly string[]): Promise<void> {
  const cluster = new Cluster({ brokers, clientId: 'in-sync' });
  try {
    await eventually(
      async () => {
        await cluster.refresh();
        return await Promise.all(brokers.map((_, index) => cluster.send(index + 1, 'control', outOfSync())));
      },
      // Each of them has to say so: one that has just come back may remember how it was.
      (counts) => {
        if (counts.some((count) => count > 0)) throw new Error(`${counts.join(', ')} partitions lack a replica`);
      },
      { patienceMs: 60_000 },
    );
  } finally {
    await cluster.close();
  }
}

/** Metadata of all topics, of which only the number of partitions is kept that lack a leader or a replica in sync. */
function outOfSync(): ApiRequest<number> {
  return {
    apiKey: 3,
    apiVersion: 6,
    name: 'Metadata',
    readOnly: true,
    encode: (to) => void to.writeInt32(-1).writeBoolean(false),
    decode: (from) => {
      from.readInt32();
      from.readArray((from) => [from.readInt32(), from.readString(), from.readInt32(), from.readString()]);
      from.readString();
      from.readInt32();
      const lacking = from.readArray((from) => {
        from.readInt16();
        from.readString();
        from.readBoolean();
        return from.readArray((from) => {
          from.readInt16();
          from.readInt32();
          const leader = from.readInt32();
          const [replicas, inSync] = [from.readArray((from) => from.readInt32()), from.readArray((from) => from.readInt32())];
          from.readArray((from) => from.readInt32());
          return leader < 0 || inSync.length < replicas.length ? 1 : 0;
        });
      });
      return lacking.flat().filter((one) => one > 0).length;
    },
  };
}
