import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connectKafka } from '../runtime/kafka/connect.ts';
import { fillIdentified } from './growth/events.ts';
import { deploy } from './pipeline/deployment.ts';
import { BIG, writeWorkspace } from './pipeline/workspace.ts';
import { startBenchCluster } from './support/cluster.ts';
import { keep } from './support/results.ts';
import { median } from './support/statistics.ts';
import { watch } from './support/window.ts';

/** What the proof and the watermarks cost the customers' processor; the variants take turns in one run. */
export interface ProofValues {
  readonly events: number;
  readonly rows: readonly ProofRow[];
}

export interface ProofRow {
  readonly variant: string;
  /** Events a second, the median of the turns. */
  readonly rate: number;
  /** CPU microseconds per event. */
  readonly cpu: number;
}

interface Variant {
  readonly name: string;
  readonly proof: boolean;
  readonly watermarks: boolean;
}

const variants: readonly Variant[] = [
  { name: 'with proof and watermarks', proof: true, watermarks: true },
  { name: 'without proof', proof: false, watermarks: true },
  { name: 'without watermarks', proof: true, watermarks: false },
  { name: 'without either', proof: false, watermarks: false },
];

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '200000' },
    customers: { type: 'string', default: '50000' },
    turns: { type: 'string', default: '3' },
    keep: { type: 'boolean', default: false },
  },
});
const [events, customers] = [Number(values.events), Number(values.customers)];
const without = `--import ${join(import.meta.dirname, 'proof', 'without.mjs')}`;

const cluster = await startBenchCluster({ registry: true });
const kafka = await connectKafka({ brokers: cluster.brokers, clientId: 'proof' });
const found = new Map<string, { readonly rate: number; readonly cpu: number }[]>();
try {
  const workspace = await writeWorkspace(cluster.folder, 10);
  for (let turn = 0; turn < Number(values.turns); turn++) {
    for (const variant of variants) {
      const row = await measure(workspace, variant, `p${turn}${variants.indexOf(variant)}.`);
      found.set(variant.name, [...(found.get(variant.name) ?? []), row]);
      console.log(`${variant.name}: ${row.rate} events/s, ${row.cpu.toFixed(1)} µs CPU`);
    }
  }
} finally {
  await kafka.close();
  await cluster.stop();
}
const rows = variants.map(({ name }): ProofRow => {
  const own = found.get(name) ?? [];
  return { variant: name, rate: median(own.map(({ rate }) => rate)), cpu: median(own.map(({ cpu }) => cpu)) };
});
const [both, , , neither] = rows;
if (values.keep) keep('proof', 'npm run bench:proof -- --keep', { events, rows } satisfies ProofValues);
console.log(
  `cost of proof and watermarks: ${Math.round(100 * (1 - (both?.rate ?? 0) / (neither?.rate ?? 1)))} % of the events a second`,
);

/** Every second event is an order that changes a membership; the feeds of the clocks run in a process of their own, idle. */
async function measure(
  workspace: string,
  { proof, watermarks }: Variant,
  prefix: string,
): Promise<{ rate: number; cpu: number }> {
  const deployment = deploy(cluster, { workspace, prefix });
  const eventOf = (i: number) =>
    i % 2 === 0
      ? { event: 'Order Completed', properties: { order_id: `o${i}`, total: BIG + (i % 100) } }
      : { event: 'Product Added', properties: { cart_id: `k${i}`, product_id: `p${i % 500}` } };
  await fillIdentified(cluster, kafka, { prefix, partitions: deployment.partitions, events, customers, eventOf });
  const front = watermarks
    ? await deployment.run(['watch-sources', 'gateway', 'tag-freshness', 'stitch-identity'], 'front')
    : undefined;
  const before = process.env['BENCH_NODE_FLAGS'];
  if (!proof) process.env['BENCH_NODE_FLAGS'] = `${before ?? ''} ${without}`;
  const { program } = await deployment.run(['customers'], 'customers').finally(() => {
    if (before === undefined) delete process.env['BENCH_NODE_FLAGS'];
    else process.env['BENCH_NODE_FLAGS'] = before;
  });
  try {
    const { rate, cpu } = await watch([program], events, cluster.brokerCpu);
    return { rate, cpu };
  } finally {
    await program.stop();
    await front?.program.stop();
  }
}
