import { Cluster } from '../../../runtime/kafka/cluster.ts';
import { fetch } from '../../../runtime/kafka/requests-fetch.ts';
import type { TopicPartition } from '../../../runtime/record.ts';

/** Who wrote a batch: producer id and epoch as they lie in the log. */
export interface Writer {
  readonly producerId: bigint;
  readonly epoch: number;
}

const CONTROL = 0x20;

/** The writers of a partition's batches of data, committed or not, in the order of the log. */
export async function writersOf(brokers: readonly string[], partition: TopicPartition): Promise<readonly Writer[]> {
  const cluster = new Cluster({ brokers, clientId: 'log-batches' });
  const limits = { isolation: 'read_uncommitted', maxWaitMs: 0, maxBytes: 1 << 24, maxPartitionBytes: 1 << 24 } as const;
  const writers: Writer[] = [];
  try {
    const leader = await cluster.leader(partition);
    for (let offset = 0; ;) {
      const [fetched] = await cluster.send(leader, 'fetch', fetch([{ ...partition, offset }], limits));
      const bytes = fetched?.batches ?? Buffer.alloc(0);
      if (bytes.length < 61) return writers;
      for (let at = 0; at + 61 <= bytes.length; at += 12 + bytes.readInt32BE(at + 8)) {
        if (at + 12 + bytes.readInt32BE(at + 8) > bytes.length) break;
        offset = Number(bytes.readBigInt64BE(at)) + bytes.readInt32BE(at + 23) + 1;
        const isControl = (bytes.readInt16BE(at + 21) & CONTROL) !== 0;
        if (!isControl) writers.push({ producerId: bytes.readBigInt64BE(at + 43), epoch: bytes.readInt16BE(at + 51) });
      }
    }
  } finally {
    await cluster.close();
  }
}

/** How often another writer took over, and how often one wrote after a later one had. */
export function turnsOf(writers: readonly Writer[]): { readonly turns: number; readonly returns: number } {
  const name = ({ producerId, epoch }: Writer): string => `${producerId}/${epoch}`;
  const order = writers.map(name).filter((one, index, all) => one !== all[index - 1]);
  return { turns: order.length - 1, returns: order.length - new Set(order).size };
}
