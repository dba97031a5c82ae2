import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock } from '../../../runtime/clock.ts';
import { type Environment, prefixedNames } from '../../../runtime/environment.ts';
import { connectKafka } from '../../../runtime/kafka/connect.ts';
import { noMetrics } from '../../../runtime/metrics.ts';
import type { Processor } from '../../../runtime/processor.ts';
import type { Rejected } from '../../../runtime/record.ts';
import { rocksdbEngine } from '../../../runtime/state/rocksdb.ts';
import { Task } from '../../../runtime/task.ts';
import { jsonSerdes, testTopic } from '../../../runtime/testing/json-serdes.ts';
import { noClaims } from '../../../runtime/testing/no-claims.ts';
import { ProgressTable } from '../../../runtime/watermarks/progress.ts';

// One process that aggregates so many events and copies each, and says what memory and the event loop were like meanwhile.

/** The one argument, as JSON. */
export interface SteadySettings {
  readonly brokers: readonly string[];
  readonly dataDir: string;
  readonly partitions: number;
  readonly events: number;
}

const { brokers, dataDir, partitions, events } = JSON.parse(process.argv[2] ?? '{}') as SteadySettings;
// Its parent holds the other end: a host never outlives the test.
process.stdin.on('end', () => process.exit(9)).resume();
const input = testTopic<{ readonly n: number }>('steady.in');
const output = testTopic<{ readonly sum: number }>('steady.out');
const sum: Processor = {
  name: 'steady',
  inputs: [input],
  outputs: [output],
  upstream: [],
  parts: () => ['sum'],
  process: (record, context) => {
    const total = (context.state.get<number>('sum') ?? 0) + (record.value as { n: number }).n;
    context.state.set('sum', total);
    context.forward(output, record.key, { sum: total });
  },
};
const idle = (): void => undefined;
const kafka = await connectKafka({ brokers, clientId: 'steady' });
let processed = 0;
const environment: Environment = {
  kafka,
  reader: kafka.reader(),
  serdes: jsonSerdes,
  names: prefixedNames(''),
  engine: rocksdbEngine(dataDir),
  clock: systemClock,
  clusterId: await kafka.admin.clusterId(),
  partitions: () => partitions,
  sourceOfTopic: new Map(),
  rejected: testTopic<Rejected>('steady.rejected'),
  progress: new ProgressTable(),
  claims: noClaims,
  metrics: { ...noMetrics, records: (_, direction, count) => void (direction === 'in' && (processed += count)) },
  log: idle,
  changelogDeleteRetentionMs: 24 * 60 * 60 * 1000,
};
const tasks = Array.from({ length: partitions }, (_, partition) => new Task(environment, sum, partition));
const done = tasks.map((task) => task.run());
const loop = monitorEventLoopDelay({ resolution: 5 });
const samples: { readonly at: number; readonly processed: number; readonly rss: number; readonly live: number }[] = [];
const collect = (globalThis as { gc?: () => void }).gc ?? idle;
const sample = (): void => {
  collect();
  const { rss, heapUsed, external } = process.memoryUsage();
  samples.push({ at: performance.now(), processed, rss, live: heapUsed + external });
};
const warm = events / 4;
let next = warm;
const began = performance.now();
const timer = setInterval(() => {
  if (processed < Math.min(next, events)) return;
  if (next === warm) loop.enable();
  next += events / 12;
  sample();
  if (processed < events) return;
  clearInterval(timer);
  loop.disable();
  const p99Ms = loop.percentile(99) / 1e6;
  const rate = Math.round(processed / ((performance.now() - began) / 1000));
  for (const task of tasks) task.stop();
  void Promise.all(done).then(async () => {
    process.stdout.write(`${JSON.stringify({ processed, rate, p99Ms, samples })}\n`);
    await kafka.close();
    process.exit(0);
  });
}, 20);
