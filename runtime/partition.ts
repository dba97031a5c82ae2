/**
 * Kafka's default partitioner for keyed records: murmur2 of the key bytes, so that foreign producers which set
 * the same key reach the same partition. Source: org.apache.kafka.common.utils.Utils.murmur2.
 */
export function partitionFor(key: Buffer | string, partitions: number): number {
  const bytes = typeof key === 'string' ? Buffer.from(key, 'utf8') : key;
  return (murmur2(bytes) & 0x7fffffff) % partitions;
}

const M = 0x5bd1e995;

function murmur2(data: Buffer): number {
  const length = data.length;
  let h = 0x9747b28c ^ length;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    let k = Math.imul(data.readInt32LE(i), M);
    k ^= k >>> 24;
    h = Math.imul(h, M) ^ Math.imul(k, M);
  }
  const rest = length - i;
  if (rest >= 3) h ^= data.readUInt8(i + 2) << 16;
  if (rest >= 2) h ^= data.readUInt8(i + 1) << 8;
  if (rest >= 1) h = Math.imul(h ^ data.readUInt8(i), M);
  h ^= h >>> 13;
  h = Math.imul(h, M);
  return h ^ (h >>> 15);
}
