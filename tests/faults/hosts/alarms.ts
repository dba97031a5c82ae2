import { join } from 'node:path';
import { systemClock } from '../../../runtime/clock.ts';
import { type Environment, prefixedNames } from '../../../runtime/environment.ts';
import { connectKafka } from '../../../runtime/kafka/connect.ts';
import { noMetrics } from '../../../runtime/metrics.ts';
import type { Processor } from '../../../runtime/processor.ts';
import type { Rejected } from '../../../runtime/record.ts';
import { rocksdbEngine } from '../../../runtime/state/rocksdb.ts';
import { jsonSerdes, testTopic } from '../../../runtime/testing/json-serdes.ts';
import { claimWriter } from '../../../runtime/watermarks/claims.ts';
import { ProgressTable } from '../../../runtime/watermarks/progress.ts';
import { SOURCE } from '../../../runtime/watermarks/stages.ts';
import { Worker } from '../../../runtime/worker.ts';
import type { HostSettings } from './settings.ts';
import { watchVitalSigns } from './vital-signs.ts';

// One process whose tasks are asked to wake very many keys at one moment: `alarms` in, `rings` out, the clock by claims from outside.

/** What sets an alarm, or, without a time, is answered at once. */
interface Alarm {
  readonly at?: number;
}

const ring: Processor = {
  name: 'ring',
  inputs: [testTopic<Alarm>('alarms')],
  outputs: [testTopic<number>('rings')],
  upstream: [SOURCE],
  parts: () => ['alarm'],
  process: (record, context) => {
    const { at } = record.value as Alarm;
    if (at === undefined) context.forward(testTopic<number>('rings'), record.key, 0);
    else context.state.set('alarm', { at }, { due: [{ clock: 'bell', at }] });
  },
  onTimer: (timer, context) => {
    context.forward(testTopic<number>('rings'), timer.key, timer.at);
    context.state.delete(timer.part);
  },
};

const TASKS = 2;
const settings = JSON.parse(process.argv[2] ?? '{}') as HostSettings;
const say = (line: Readonly<Record<string, unknown>>): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
// Its parent holds the other end: a host never outlives the test.
process.stdin.on('end', () => process.exit(9)).resume();

const kafka = await connectKafka({ brokers: settings.brokers, clientId: 'alarms' }, { waitMs: 60_000 });
const reader = kafka.reader();
const names = prefixedNames(settings.prefix);
const progress = new ProgressTable();
await progress.follow(reader, names.topic('progress'), 0, 0);
const environment: Environment = {
  kafka,
  reader,
  serdes: jsonSerdes,
  names,
  engine: rocksdbEngine(join(settings.dataDir, 'stores')),
  clock: systemClock,
  clusterId: await kafka.admin.clusterId(),
  partitions: () => TASKS,
  sourceOfTopic: new Map(),
  rejected: testTopic<Rejected>('rejected'),
  progress,
  claims: claimWriter({ producer: kafka.producer(), topic: names.topic('progress') }),
  metrics: noMetrics,
  log: (level, message) => level !== 'debug' && say({ event: 'log', level, message }),
  changelogDeleteRetentionMs: 24 * 60 * 60 * 1000,
};
const worker = new Worker({
  environment,
  processor: ring,
  tasks: TASKS,
  sources: [{ source: 'bell', liveness: { kind: 'stated' }, latenessMs: 0 }],
  sessionTimeoutMs: settings.sessionTimeoutMs,
});
await worker.start();
say({ event: 'started' });
const vitalSigns = watchVitalSigns();
setInterval(() => {
  const alarms = names.topic('alarms');
  const positions = Array.from({ length: TASKS }, (_, i) => worker.task(i)?.inputs?.position(`${alarms}-${i}`));
  say({ event: 'status', positions, ...vitalSigns() });
}, 200).unref();
