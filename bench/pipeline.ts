import { parseArgs } from 'node:util';
import { type ChainRow, startChain } from './pipeline/chain.ts';
import { type HopRow, measureHop } from './pipeline/hop.ts';
import { measureThroughput, type PipelineThroughput } from './pipeline/throughput.ts';
import { writeWorkspace } from './pipeline/workspace.ts';
import { startBenchCluster } from './support/cluster.ts';
import { keep } from './support/results.ts';
import { median } from './support/statistics.ts';

export interface PipelineValues {
  readonly events: number;
  readonly customers: number;
  readonly throughput: readonly PipelineThroughput[];
  readonly chain: readonly ChainRow[];
  readonly hop: readonly HopRow[];
  readonly ratio: { readonly p50: number; readonly p99: number };
}

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '200000' },
    customers: { type: 'string', default: '100000' },
    segments: { type: 'string', default: '1,10,100' },
    rates: { type: 'string', default: '100,500,1000,2000' },
    seconds: { type: 'string', default: '15' },
    /** How often chain and hop are measured in turn at 500 events/s. */
    turns: { type: 'string', default: '3' },
    keep: { type: 'boolean', default: false },
    /** Keeps the results in this folder instead. */
    out: { type: 'string' },
  },
});
const numbers = (text: string): number[] => text.split(',').filter(Boolean).map(Number);
const load = { events: Number(values.events), customers: Number(values.customers) };
const seconds = Number(values.seconds);
/** What the ratio is told for, events a second. */
const RATE = 500;

const cluster = await startBenchCluster({ registry: true });
const throughput: PipelineThroughput[] = [];
const chainRows: ChainRow[] = [];
const hopRows: HopRow[] = [];
try {
  for (const segments of numbers(values.segments)) {
    const workspace = await writeWorkspace(cluster.folder, segments);
    throughput.push(await measureThroughput(cluster, workspace, segments, load));
  }
  const rates = numbers(values.rates);
  const chain = await startChain(cluster, await writeWorkspace(cluster.folder, 10));
  const measureChain = async (rate: number): Promise<void> => {
    const row = await chain.at(rate, seconds);
    chainRows.push(row);
    console.log(`chain at ${rate} events/s: ${JSON.stringify(row)}`);
  };
  const measureStreams = async (rate: number, commitMs: number): Promise<void> => {
    const row = await measureHop(cluster, rate, seconds, commitMs);
    hopRows.push(row);
    console.log(`Kafka Streams hop at ${rate} events/s, commit every ${commitMs} ms: ${JSON.stringify(row.hop)}`);
  };
  for (let turn = 0; turn < Number(values.turns); turn++) {
    await measureChain(RATE);
    await measureStreams(RATE, 100);
  }
  for (const rate of rates) if (rate !== RATE) await measureChain(rate);
  await measureStreams(RATE, 10);
  if (rates.includes(2000)) await measureStreams(2000, 100);
  await chain.stop();
} finally {
  await cluster.stop();
}
const at = (pick: 'p50' | 'p99'): number => {
  const ours = chainRows.filter(({ rate }) => rate === RATE).map(({ membership }) => membership[pick]);
  const theirs = hopRows.filter(({ rate, commitMs }) => rate === RATE && commitMs === 100).map(({ hop }) => hop[pick]);
  return Math.round((median(ours) / median(theirs)) * 100) / 100;
};
const ratio = { p50: at('p50'), p99: at('p99') };
const kept: PipelineValues = { ...load, throughput, chain: chainRows, hop: hopRows, ratio };
if (values.keep || values.out !== undefined) keep('pipeline', 'npm run bench:pipeline -- --keep', kept, values.out);
console.log(`chain/kafka-streams-hop p50 ratio ${ratio.p50} p99 ratio ${ratio.p99} at ${RATE} ev/s`);
