import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { prefixedNames } from '../runtime/environment.ts';
import { jsonSerdes } from '../runtime/testing/json-serdes.ts';
import { MemoryBroker } from '../runtime/testing/memory-kafka.ts';
import { topics } from '../schemas/topics.ts';
import { createStatusTail } from './status-tail.ts';

const followed = [
  topics.segmentsMembership,
  topics.activationsRequested,
  topics.activationsWithheld,
  topics.activationsOutcomes,
  topics.fraudAlerts,
  topics.sourcesFreshness,
  topics.eventsRejected,
];
const proof = { now: null, lagMs: null, sources: [], hops: [], tables: [] };
const cause = { kind: 'event', messageId: null, event: null, after: null, corrects: null };

interface World {
  readonly broker: MemoryBroker;
  readonly put: (topic: { readonly name: string }, partition: number, value: object) => void;
}

function world(): World {
  const broker = new MemoryBroker({ topics: Object.fromEntries(followed.map(({ name }) => [`x.${name}`, 4])) });
  return {
    broker,
    put: (topic, partition, value) =>
      void broker.append(`x.${topic.name}`, partition, [{ key: Buffer.from('k'), value: Buffer.from(JSON.stringify(value)) }]),
  };
}

const membership = (customer: string, change: string) => ({
  id: customer,
  customer,
  segment: 'vip',
  change,
  effectiveAt: 1,
  cause,
  proof,
});

async function until(reached: () => boolean): Promise<void> {
  while (!reached()) await turn();
}

describe('the status tail', () => {
  it('counts members over the whole topic and changes since it started', async () => {
    const { broker, put } = world();
    for (let i = 0; i < 3000; i++) put(topics.segmentsMembership, i % 4, membership(`c${i}`, 'entered'));
    for (let i = 0; i < 1000; i++) put(topics.segmentsMembership, i % 4, membership(`c${i}`, 'left'));
    const tail = createStatusTail({ kafka: broker.client(), serdes: jsonSerdes, names: prefixedNames('x.') });
    expect(tail.snapshot().complete).toBe(false);
    await tail.complete;
    expect(tail.snapshot()).toMatchObject({ complete: true, segments: [{ segment: 'vip', members: 2000, entered: 0, left: 0 }] });
    put(topics.segmentsMembership, 1, membership('new', 'entered'));
    await until(() => tail.snapshot().segments[0]?.entered === 1);
    expect(tail.snapshot().segments).toEqual([{ segment: 'vip', members: 2001, entered: 1, left: 0 }]);
    await tail.close();
  });

  it('never counts what was aborted', async () => {
    const { broker, put } = world();
    const kafka = broker.client();
    const tail = createStatusTail({ kafka, serdes: jsonSerdes, names: prefixedNames('x.') });
    await tail.complete;
    const producer = kafka.transactionalProducer('t');
    await producer.init();
    const record = { key: null, value: Buffer.from(JSON.stringify(membership('ghost', 'entered'))) };
    broker.failNext('transact', new Error('killed'), { at: 'open' });
    await producer.transact([{ topic: 'x.segments.membership', partition: 2, records: [record] }]).catch(() => undefined);
    broker.expireTransactions();
    put(topics.segmentsMembership, 2, membership('real', 'entered'));
    await until(() => tail.snapshot().segments.length > 0);
    expect(tail.snapshot().segments).toMatchObject([{ members: 1 }]);
    await tail.close();
  });

  it('shows sources, alerts and rejections, and skips what it cannot decode', async () => {
    const { broker, put } = world();
    put(topics.sourcesFreshness, 0, { source: 'shop', status: 'fresh', watermark: 5, asOf: null, lagMs: 1, since: 2 });
    broker.append('x.fraud.alerts', 1, [{ key: null, value: Buffer.from('{') }]);
    put(topics.fraudAlerts, 1, { id: 'a1', customer: 'c', rule: 'r', reason: 'odd', effectiveAt: 3 });
    const tail = createStatusTail({ kafka: broker.client(), serdes: jsonSerdes, names: prefixedNames('x.') });
    await until(() => tail.snapshot().alerts.length === 1 && tail.snapshot().sources.length === 1);
    put(topics.eventsRejected, 3, { source: 'shop', processor: 'p', step: 'decode', reason: 'no JSON' });
    await until(() => tail.snapshot().rejected.count === 1);
    expect(tail.snapshot()).toMatchObject({
      sources: [{ source: 'shop', status: 'fresh' }],
      alerts: [{ rule: 'r', reason: 'odd' }],
      rejected: { count: 1, reasons: [{ reason: 'shop, decode: no JSON', count: 1 }] },
    });
    await tail.close();
  });
});
