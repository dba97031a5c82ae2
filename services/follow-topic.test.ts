import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../runtime/clock.ts';
import { MemoryBroker } from '../runtime/testing/memory-kafka.ts';
import { createSerdes } from '../schemas/serdes.ts';
import { MemoryRegistry } from '../schemas/registry/memory.ts';
import { topics } from '../schemas/topics.ts';
import { followTopic } from './follow-topic.ts';

const topic = 'followed';
const serde = createSerdes({ registry: new MemoryRegistry() }).of(topics.customersLoop);

async function kafkaWith(values: readonly unknown[]) {
  const broker = new MemoryBroker({ clock: new ManualClock(0) });
  const kafka = broker.client();
  await kafka.admin.createTopics([{ name: topic, partitions: 4, config: {} }]);
  values.forEach((value, index) => broker.append(topic, index % 4, [{ key: null, value: serde.encode(value) }]));
  return kafka;
}

describe('followTopic', () => {
  it('hands on everything that is there, and says when it has', async () => {
    const kafka = await kafkaWith([1, 2, 3, 4, 5]);
    const seen: unknown[] = [];
    const follower = followTopic({
      kafka,
      reader: kafka.reader(),
      topic,
      serde,
      from: 'start',
      onValue: (value) => void seen.push(value),
    });
    await follower.caughtUp;
    expect(new Set(seen)).toEqual(new Set([1, 2, 3, 4, 5]));
    follower.close();
    await kafka.close();
  });

  it('opens nothing any more when it is closed at once, with its reader', async () => {
    const kafka = await kafkaWith([1]);
    const reader = kafka.reader();
    const opened: unknown[] = [];
    const watched = { ...reader, open: (...args: Parameters<typeof reader.open>) => (opened.push(args), reader.open(...args)) };
    const follower = followTopic({ kafka, reader: watched, topic, serde, from: 'start', onValue: () => undefined });
    follower.close();
    await follower.caughtUp;
    for (let i = 0; i < 20; i++) await turn();
    expect(opened).toEqual([]);
    await kafka.close();
  });
});
