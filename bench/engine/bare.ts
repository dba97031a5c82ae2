import { connectKafka } from '../../runtime/kafka/connect.ts';
import type { PartitionStream } from '../../runtime/kafka/contract.ts';
import type { ProduceRecord } from '../../runtime/record.ts';
import { rocksdbEngine } from '../../runtime/state/rocksdb.ts';
import type { StoreOp } from '../../runtime/state/store.ts';
import { say, tellProgress, untilTold } from '../support/told.ts';
import { type EngineSettings, type Event, IN, outTopic, PARTITIONS, type Sum } from './job.ts';

// A lower bound: the same job as a plain loop over the same client and store, without a runtime, a task or a guarantee on failure.

interface BareSettings extends EngineSettings {
  readonly share: readonly number[];
}

const { brokers, prefix, dataDir, share } = JSON.parse(process.argv[2] ?? '{}') as BareSettings;
const kafka = await connectKafka({ brokers, clientId: 'bare' });
const reader = kafka.reader();
const engine = rocksdbEngine(dataDir);
let processed = 0;

async function loop(partition: number): Promise<void> {
  const producer = kafka.transactionalProducer(`${prefix}bare-${partition}`);
  await producer.init();
  const store = await engine.open(`bare-${partition}`);
  let wake: () => void = () => undefined;
  const stream: PartitionStream = reader.open({ topic: IN, partition }, 0, { notify: () => wake() });
  const states = new Map<string, Sum>();
  for (;;) {
    const records = stream.take(2000);
    if (records.length === 0) {
      await new Promise<void>((resolve) => ((wake = resolve), stream.queued > 0 && resolve()));
      continue;
    }
    const out: ProduceRecord[] = [];
    const dirty = new Map<string, Buffer>();
    for (const { key, value } of records) {
      const id = key?.toString('latin1') ?? '';
      const event = JSON.parse(value?.toString() ?? '') as Event;
      const before = states.get(id);
      const count = (before?.count ?? 0) + 1;
      states.set(id, { count, sum: (before?.sum ?? 0) + event.properties.total, last: event.context });
      if (key) dirty.set(id, key);
      out.push({ key, value: Buffer.from(JSON.stringify({ a: event.event, u: event.userId, n: count })) });
    }
    const log: ProduceRecord[] = [];
    const ops: StoreOp[] = [];
    for (const [id, key] of dirty) {
      const value = Buffer.from(JSON.stringify(states.get(id)));
      log.push({ key, value });
      ops.push({ kind: 'put', key, value });
    }
    await producer.transact([
      { topic: outTopic(prefix), partition, records: out },
      { topic: `${prefix}aggregate.changelog`, partition, records: log },
    ]);
    await store.write(ops);
    processed += records.length;
  }
}

say({ ready: PARTITIONS });
let started = false;
await untilTold(() => {
  if (started) return;
  started = true;
  tellProgress(() => processed);
  for (const partition of share) void loop(partition);
});
process.exit(0);
