import { systemClock } from '../../runtime/clock.ts';
import { type Environment, prefixedNames } from '../../runtime/environment.ts';
import { connectKafka } from '../../runtime/kafka/connect.ts';
import { noMetrics } from '../../runtime/metrics.ts';
import type { Processor } from '../../runtime/processor.ts';
import type { Rejected } from '../../runtime/record.ts';
import { rocksdbEngine } from '../../runtime/state/rocksdb.ts';
import { Task } from '../../runtime/task.ts';
import { jsonSerdes, testTopic } from '../../runtime/testing/json-serdes.ts';
import { noClaims } from '../../runtime/testing/no-claims.ts';
import { ProgressTable } from '../../runtime/watermarks/progress.ts';
import { say, untilTold } from '../support/told.ts';
import { APPLICATION, CHANGELOG, INPUT, PARTITIONS, type RestoreSettings } from './changelog.ts';

// Takes over all tasks of a processor whose stores are not there, and says how long it took until the last was whole.

const { brokers, dataDir } = JSON.parse(process.argv[2] ?? '{}') as RestoreSettings;
const keep: Processor = {
  name: APPLICATION,
  inputs: [testTopic<unknown>(INPUT)],
  outputs: [],
  upstream: [],
  process: () => undefined,
};
const kafka = await connectKafka({ brokers, clientId: APPLICATION });
const restored = new Map<number, number>();
const environment: Environment = {
  kafka,
  reader: kafka.reader(),
  serdes: jsonSerdes,
  names: { ...prefixedNames(''), changelog: () => CHANGELOG },
  engine: rocksdbEngine(dataDir),
  clock: systemClock,
  clusterId: await kafka.admin.clusterId(),
  partitions: () => PARTITIONS,
  sourceOfTopic: new Map(),
  rejected: testTopic<Rejected>('rejected'),
  progress: new ProgressTable(),
  claims: noClaims,
  metrics: { ...noMetrics, restored: ({ partition }, records) => void restored.set(partition, records) },
  log: () => undefined,
  changelogDeleteRetentionMs: 24 * 60 * 60 * 1000,
};
const tasks = Array.from({ length: PARTITIONS }, (_, partition) => new Task(environment, keep, partition));
const began = performance.now();
await Promise.all(tasks.map((task) => task.takeOver()));
const ms = performance.now() - began;
say({ restored: [...restored.values()].reduce((sum, records) => sum + records, 0), ms });
await untilTold();
await Promise.all(tasks.map((task) => task.close()));
await kafka.close();
process.exit(0);
