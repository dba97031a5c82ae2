import { parseArgs } from 'node:util';
import { connectKafka } from '../runtime/kafka/connect.ts';
import { type GrowthRow, measureSize, type Size } from './growth/point.ts';
import { startBenchCluster } from './support/cluster.ts';
import { keep } from './support/results.ts';

export interface GrowthValues {
  readonly rows: readonly GrowthRow[];
}

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '50000' },
    customers: { type: 'string', default: '10000,100000,1000000' },
    segments: { type: 'string', default: '1,100,300' },
    partitions: { type: 'string', default: '1,8,32' },
    instances: { type: 'string', default: '2,4' },
    keep: { type: 'boolean', default: false },
  },
});
const numbers = (text: string): number[] => text.split(',').filter(Boolean).map(Number);
/** One thing grows at a time from here. */
const base: Size = { customers: 10_000, segments: 10, partitions: 4, instances: 1 };
const sizes: Size[] = [
  ...numbers(values.customers).map((customers) => ({ ...base, customers })),
  ...numbers(values.segments).map((segments) => ({ ...base, segments })),
  ...numbers(values.partitions).map((partitions) => ({ ...base, partitions })),
  ...numbers(values.instances).map((instances) => ({ ...base, instances })),
];
const cluster = await startBenchCluster({ registry: true });
const kafka = await connectKafka({ brokers: cluster.brokers, clientId: 'growth' });
const rows: GrowthRow[] = [];
try {
  for (const size of sizes) {
    const row = await measureSize(cluster, kafka, size, Number(values.events));
    rows.push(row);
    console.log(JSON.stringify(row));
  }
} finally {
  await kafka.close();
  await cluster.stop();
}
if (values.keep) keep<GrowthValues>('growth', 'npm run bench:growth -- --keep', { rows });
