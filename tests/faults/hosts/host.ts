import { join } from 'node:path';
import { withAdvice } from '../../../cli/stores.ts';
import { Registry } from 'prom-client';
import { systemClock } from '../../../runtime/clock.ts';
import { type Environment, prefixedNames } from '../../../runtime/environment.ts';
import { connectKafka } from '../../../runtime/kafka/connect.ts';
import { promTaskMetrics } from '../../../runtime/metrics.ts';
import { tpKey } from '../../../runtime/record.ts';
import { rocksdbEngine } from '../../../runtime/state/rocksdb.ts';
import type { CrashPoint } from '../../../runtime/task.ts';
import { jsonSerdes } from '../../../runtime/testing/json-serdes.ts';
import { claimWriter } from '../../../runtime/watermarks/claims.ts';
import { ProgressTable } from '../../../runtime/watermarks/progress.ts';
import { SourceWatcher } from '../../../runtime/watermarks/source-watcher.ts';
import { Worker } from '../../../runtime/worker.ts';
import { dyingEngine } from './dying-engine.ts';
import { dyingKafka } from './dying-kafka.ts';
import { forcedMember } from './forced-member.ts';
import type { HostSettings } from './settings.ts';
import { slowEngine } from './slow-engine.ts';
import { clock, CONTROL, PARTITIONS, processors, rejected, sumNumbers } from './topology.ts';
import { watchVitalSigns } from './vital-signs.ts';

// One process of the deployment under test: both processors, their clock, and a way to end at a chosen moment.

const settings = JSON.parse(process.argv[2] ?? '{}') as HostSettings;
const { prefix, crash } = settings;
const say = (line: Readonly<Record<string, unknown>>): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const end = (): void => {
  say({ event: 'crash' });
  process.kill(process.pid, crash?.signal ?? 'SIGKILL');
};
// Its parent holds the other end: a host never outlives the test.
process.stdin.on('end', () => process.exit(9)).resume();

const options = { brokers: settings.brokers, clientId: 'host' };
const connected = await connectKafka(options, { waitMs: 60_000 });
const inTransaction = crash?.at === 'before-position' || crash?.at === 'before-commit' ? crash.at : undefined;
const dying =
  crash && inTransaction
    ? dyingKafka(connected, options, {
        transactionalId: `${prefix}${crash.task}`,
        at: inTransaction,
        after: crash.after,
        die: end,
      })
    : connected;
const kafka = settings.forcedMs === undefined ? dying : forcedMember(dying, settings.forcedMs);
let left = crash?.after ?? 0;
const crashAt = (point: CrashPoint, task: { processor: string; partition: number }): void => {
  if (point === crash?.at && `${task.processor}-${task.partition}` === crash.task && left-- === 0) end();
};

const names = prefixedNames(prefix);
const control = { topic: names.topic(CONTROL), partition: 0 };
const reader = kafka.reader();
const producer = kafka.producer();
const progress = new ProgressTable();
const ends = await kafka.admin.endOffsets([control]);
await progress.follow(reader, control.topic, 0, ends.get(tpKey(control.topic, 0)) ?? 0);
const claims = claimWriter({ producer, topic: control.topic, onError: () => say({ event: 'claims-wait' }) });
const storesDir = join(settings.dataDir, 'stores');
const rocksdb = withAdvice(rocksdbEngine(storesDir), storesDir);
const engine = crash?.at === 'in-write' ? dyingEngine(rocksdb, crash.task, crash.after, 1) : rocksdb;
const registry = new Registry();
const environment: Environment = {
  kafka,
  reader,
  serdes: jsonSerdes,
  names,
  engine: settings.slowWritesMs === undefined ? engine : slowEngine(engine, settings.slowWritesMs),
  clock: systemClock,
  clusterId: await kafka.admin.clusterId(),
  partitions: () => PARTITIONS,
  sourceOfTopic: new Map([['numbers', clock.source]]),
  rejected,
  progress,
  claims,
  metrics: {
    ...promTaskMetrics(registry),
    restored: ({ processor, partition }, records) => say({ event: 'restoring', task: `${processor}-${partition}`, records }),
  },
  log: (level, message, fields = {}) => {
    if (level !== 'debug') say({ ...fields, reason: fields['message'], event: 'log', level, message });
  },
  changelogDeleteRetentionMs: 24 * 60 * 60 * 1000,
};
const workers = processors.map(
  (processor) =>
    new Worker({
      environment,
      processor,
      tasks: PARTITIONS,
      sources: [clock],
      sessionTimeoutMs: settings.sessionTimeoutMs,
      crash: crashAt,
    }),
);
const watcher = new SourceWatcher({
  kafka,
  progress,
  claims,
  sources: [clock],
  stage: sumNumbers.name,
  tasks: PARTITIONS,
  group: names.group('watch'),
  topic: control.topic,
  onReadings: () => undefined,
});

process.once('SIGTERM', () => {
  void (async () => {
    await watcher.stop();
    for (const worker of workers) await worker.stop();
    await claims.close();
    progress.close();
    await producer.close();
    await kafka.close();
    process.exit(0);
  })();
});
await Promise.all([...workers.map((worker) => worker.start()), watcher.start()]);
say({ event: 'started' });
const vitalSigns = watchVitalSigns();
/** Sum of a metric over its labels; of a histogram, how many it has seen. */
const total = async (metric: string, suffix = ''): Promise<number> => {
  const values = (await registry.getSingleMetric(metric)?.get())?.values ?? [];
  return values.reduce((sum, one) => {
    const name = 'metricName' in one ? one.metricName : metric;
    return name === metric + suffix ? sum + one.value : sum;
  }, 0);
};
const tell = async (): Promise<void> =>
  say({
    event: 'status',
    tasks: workers.flatMap((worker) =>
      worker.status().map((task) => ({ ...task, task: `${worker.processor.name}-${task.partition}` })),
    ),
    transactions: await total('freshet_commit_seconds', '_count'),
    fenced: await total('freshet_fenced_total'),
    ...vitalSigns(),
  });
setInterval(() => void tell(), 500).unref();
