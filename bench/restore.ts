import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connectKafka } from '../runtime/kafka/connect.ts';
import { APPLICATION, fill, INPUT, PARTITIONS, STORE, topics } from './restore/changelog.ts';
import { type BenchCluster, cpuOf, startBenchCluster } from './support/cluster.ts';
import { kafkaStreams } from './support/peers.ts';
import { Program } from './support/program.ts';
import { keep } from './support/results.ts';
import { median } from './support/statistics.ts';

// State that is gone is restored from its changelog: by us and by Kafka Streams, from the same topic on the same broker, in turn.

interface Restored {
  readonly recordsPerSecond: number;
  readonly megabytesPerSecond: number;
  /** CPU time of the whole process, its start included, microseconds for each record. */
  readonly cpu: number;
  /** The most memory that the process had, MiB. */
  readonly memory: number;
}

const { values } = parseArgs({
  options: {
    customers: { type: 'string', default: '1000000' },
    runs: { type: 'string', default: '3' },
    /** Some of: ours, streams. */
    only: { type: 'string', default: 'ours,streams' },
    /** Writes a CPU profile of ours into this folder. */
    profile: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});
const customers = Number(values.customers);
const cluster = await startBenchCluster();
const kinds: Readonly<Record<string, { name: string; start: (cluster: BenchCluster, dataDir: string) => Program }>> = {
  ours: { name: 'freshet', start: ours },
  streams: { name: 'Kafka Streams', start: streams },
};
const contenders = values.only.split(',').flatMap((kind) => kinds[kind] ?? []);
const seen = new Map<string, Restored[]>(contenders.map(({ name }) => [name, []]));
try {
  const kafka = await connectKafka({ brokers: cluster.brokers, clientId: 'bench' });
  await kafka.admin.createTopics(topics);
  const bytes = await fill(kafka.producer(), customers);
  await kafka.close();
  console.log(`${customers} customers in ${PARTITIONS} partitions, ${(bytes / 1e6).toFixed(0)} MB of keys and values`);
  for (let run = 0; run < Number(values.runs); run++) {
    for (const { name, start } of contenders) seen.get(name)?.push(await measure(name, start, `${name}-${run}`, bytes));
  }
} finally {
  await cluster.stop();
}
const rates = new Map([...seen].map(([name, runs]) => [name, median(runs.map(({ recordsPerSecond }) => recordsPerSecond))]));
for (const [name, rate] of rates) console.log(`${name}: ${Math.round(rate)} records/s (middle of ${values.runs})`);
const ratio = (rates.get('freshet') ?? Number.NaN) / (rates.get('Kafka Streams') ?? Number.NaN);
if (values.keep) keep('restore', 'npm run bench:restore -- --keep', { customers, runs: Object.fromEntries(seen) });
if (Number.isFinite(ratio)) console.log(`restore, freshet/kafka-streams: ${ratio.toFixed(2)}`);

async function measure(
  name: string,
  start: (cluster: BenchCluster, dataDir: string) => Program,
  folder: string,
  bytes: number,
): Promise<Restored> {
  const program = start(cluster, join(cluster.folder, folder));
  try {
    const { restored, ms } = await program.says('restored');
    if (restored !== customers) throw new Error(`${name} restored ${String(restored)} of ${customers}`);
    const seconds = Number(ms) / 1000;
    const result: Restored = {
      recordsPerSecond: Math.round(customers / seconds),
      megabytesPerSecond: bytes / 1e6 / seconds,
      cpu: cpuOf(program.pid) / customers,
      memory: peakOf(program.pid),
    };
    const told = `${result.recordsPerSecond} records/s, ${result.megabytesPerSecond.toFixed(0)} MB/s`;
    console.log(`${name}: ${told} in ${seconds.toFixed(2)} s, ${result.cpu.toFixed(1)} µs CPU per record, ${result.memory} MiB`);
    return result;
  } finally {
    await program.stop();
  }
}

function ours({ brokers }: BenchCluster, dataDir: string): Program {
  const script = join(import.meta.dirname, 'restore', 'ours.ts');
  const profiling = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`];
  return new Program('freshet', process.execPath, [...profiling, script, JSON.stringify({ brokers, dataDir })]);
}

function streams({ brokers }: BenchCluster, dataDir: string): Program {
  return kafkaStreams('RestorePeer', {
    'application.id': APPLICATION,
    'bootstrap.servers': brokers.join(','),
    'state.dir': dataDir,
    'processing.guarantee': 'exactly_once_v2',
    'replication.factor': 1,
    store: STORE,
    in: INPUT,
    partitions: PARTITIONS,
  });
}

/** The most resident memory that a process has had, MiB, as Linux tells it. */
function peakOf(pid: number): number {
  const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}
