import { join } from 'node:path';
import { Registry } from 'prom-client';
import { systemClock } from '../../runtime/clock.ts';
import { type Environment, prefixedNames } from '../../runtime/environment.ts';
import { connectKafka } from '../../runtime/kafka/connect.ts';
import { promTaskMetrics } from '../../runtime/metrics.ts';
import type { Processor } from '../../runtime/processor.ts';
import type { Rejected } from '../../runtime/record.ts';
import { rocksdbEngine } from '../../runtime/state/rocksdb.ts';
import { jsonSerdes, testTopic } from '../../runtime/testing/json-serdes.ts';
import { noClaims } from '../../runtime/testing/no-claims.ts';
import { ProgressTable } from '../../runtime/watermarks/progress.ts';
import { Worker } from '../../runtime/worker.ts';
import { say, tellProgress, untilTold } from '../support/told.ts';
import { type Counted, type EngineSettings, type Event, IN, PARTITIONS, type Sum } from './job.ts';

// The engine's job as a processor of ours, in one process of as many as are started.

const { brokers, prefix, dataDir } = JSON.parse(process.argv[2] ?? '{}') as EngineSettings;
const input = testTopic<Event>(IN);
const output = testTopic<Counted>('out');

const aggregate: Processor = {
  name: 'aggregate',
  inputs: [input],
  outputs: [output],
  upstream: [],
  parts: () => ['sum'],
  process: (record, context) => {
    const event = record.value as Event;
    const before = context.state.get<Sum>('sum');
    const count = (before?.count ?? 0) + 1;
    context.state.set<Sum>('sum', { count, sum: (before?.sum ?? 0) + event.properties.total, last: event.context });
    context.forward(output, record.key, { a: event.event, u: event.userId, n: count });
  },
};

const kafka = await connectKafka({ brokers, clientId: 'engine' });
const names = prefixedNames(prefix);
const metrics = promTaskMetrics(new Registry());
let processed = 0;
const environment: Environment = {
  kafka,
  reader: kafka.reader(),
  serdes: jsonSerdes,
  names: { ...names, topic: (name) => (name === IN ? IN : names.topic(name)) },
  engine: rocksdbEngine(dataDir),
  clock: systemClock,
  clusterId: await kafka.admin.clusterId(),
  partitions: () => PARTITIONS,
  sourceOfTopic: new Map(),
  rejected: testTopic<Rejected>('rejected'),
  progress: new ProgressTable(),
  claims: noClaims,
  metrics: {
    ...metrics,
    records: (task, direction, count) => {
      metrics.records(task, direction, count);
      if (direction === 'in') processed += count;
    },
  },
  log: (level, message, fields) =>
    void (level !== 'debug' && process.stderr.write(`${JSON.stringify({ message, ...fields })}\n`)),
  changelogDeleteRetentionMs: 24 * 60 * 60 * 1000,
};
const worker = new Worker({ environment, processor: aggregate, tasks: PARTITIONS, sources: [] });
say({ ready: join(dataDir) });
let started = false;
await untilTold(() => {
  if (started) return;
  started = true;
  tellProgress(() => processed);
  void worker.start();
});
await worker.stop();
await kafka.close();
process.exit(0);
