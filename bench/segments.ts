import { parseArgs } from 'node:util';
import { connectKafka } from '../runtime/kafka/connect.ts';
import { type GrowthRow, measureSize } from './growth/point.ts';
import { costsOfSegments } from './report/tables.ts';
import { startBenchCluster } from './support/cluster.ts';
import { keep } from './support/results.ts';

// What segments cost: the customers' processor in one process, with its stores, over the same customers at 1, 10 and 100 segments.

export interface SegmentsValues {
  readonly rows: readonly GrowthRow[];
}

const { values } = parseArgs({
  options: {
    customers: { type: 'string', default: '1000000' },
    /** At least one for each customer. */
    events: { type: 'string', default: '1000000' },
    segments: { type: 'string', default: '1,10,100' },
    keep: { type: 'boolean', default: false },
  },
});
const customers = Number(values.customers);
const cluster = await startBenchCluster({ registry: true });
const kafka = await connectKafka({ brokers: cluster.brokers, clientId: 'segments' });
const rows: GrowthRow[] = [];
try {
  for (const segments of values.segments.split(',').map(Number)) {
    const row = await measureSize(cluster, kafka, { customers, segments, partitions: 4, instances: 1 }, Number(values.events));
    rows.push(row);
    console.log(JSON.stringify(row));
  }
} finally {
  await kafka.close();
  await cluster.stop();
}
console.log(costsOfSegments({ rows }));
const command = `npm run bench:segments -- --customers ${values.customers} --keep`;
if (values.keep) keep<SegmentsValues>('segments', command, { rows });
