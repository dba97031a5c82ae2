import type { Producer } from '../../runtime/kafka/contract.ts';
import type { ProduceRecord } from '../../runtime/record.ts';
import { encodeCell, partId } from '../../runtime/state/layout.ts';
import type { TopicSpec } from '../../runtime/topic.ts';

export const APPLICATION = 'restore';
export const STORE = 'customers';
export const INPUT = 'restore-input';
/** As Kafka Streams names it, so that both restore from the very same topic. */
export const CHANGELOG = `${APPLICATION}-${STORE}-changelog`;
export const PARTITIONS = 4;

/** What a process that restores for the bench is told. */
export interface RestoreSettings {
  readonly brokers: readonly string[];
  readonly dataDir: string;
}

export const topics: readonly TopicSpec[] = [
  { name: INPUT, partitions: PARTITIONS, config: {} },
  { name: CHANGELOG, partitions: PARTITIONS, config: { 'cleanup.policy': 'compact' } },
];

const AT_ONCE = 5_000;

/** Writes the state of so many customers, a record each, without any order of keys. Returns the bytes of keys and values. */
export async function fill(producer: Producer, customers: number): Promise<number> {
  const sums = await Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => fillOne(producer, customers, partition)));
  return sums.reduce((sum, bytes) => sum + bytes, 0);
}

async function fillOne(producer: Producer, customers: number, partition: number): Promise<number> {
  let bytes = 0;
  let records: ProduceRecord[] = [];
  for (let customer = partition; customer < customers; customer += PARTITIONS) {
    const record = recordOf(customer);
    bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0);
    records.push(record);
    if (records.length < AT_ONCE && customer + PARTITIONS < customers) continue;
    await producer.send({ topic: CHANGELOG, partition, records });
    records = [];
  }
  return bytes;
}

function recordOf(customer: number): ProduceRecord {
  // Multiplied by an odd number, every customer gets a number of its own.
  const id = Math.imul(customer, 0x9e3779b1) >>> 0;
  const value = {
    orders: customer % 50,
    total: (customer % 10_000) / 100,
    lastAt: 1_700_000_000_000 + customer,
    email: `customer-${id}@example.org`,
    segments: ['loyal', 'newsletter'],
  };
  return {
    key: Buffer.from(partId(`c-${id.toString(16).padStart(8, '0')}`, 'profile')),
    value: encodeCell({ value, due: [], hold: undefined }),
  };
}
