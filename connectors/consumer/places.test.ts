import { expect, it } from '@jest/globals';
import { MemoryBroker } from '../../runtime/testing/memory-kafka.ts';
import { MemoryRegistry } from '../../schemas/registry/memory.ts';
import { createSerdes } from '../../schemas/serdes.ts';
import { topics } from '../../schemas/topics.ts';
import { CONTINUE_FROM, placesTeller } from './places.ts';

const changes = topics.segmentsMembership.name;
const members = topics.segmentsMembers.name;

it('a place is named once, before it no transaction is open, and again when the changes have gone on', async () => {
  const broker = new MemoryBroker({ topics: { [changes]: 2, [members]: 2 } });
  const kafka = broker.client();
  const serdes = createSerdes({ registry: new MemoryRegistry() });
  await serdes.register();
  const serde = serdes.of(topics.segmentsMembers);
  const producer = kafka.producer();
  const failures: unknown[] = [];
  const onError = (error: unknown): unknown => failures.push(error);
  const tell = placesTeller({ admin: kafka.admin, producer, serde, changes, members, partitions: () => [1], onError });
  const told = (): unknown[] =>
    broker.records(members).map(({ key, value, partition }) => {
      expect([key?.toString(), partition]).toEqual([CONTINUE_FROM, 1]);
      return value && serde.decode(value).continueFrom?.offset;
    });
  const change = { key: Buffer.from('c_1'), value: Buffer.from('a change') };

  await tell();
  await tell();
  expect(told()).toEqual([0]);
  broker.append(changes, 1, [change, change]);
  await tell();
  expect(told()).toEqual([0, 2]);

  const open = await broker.begin('t', [{ topic: changes, partition: 1 }]);
  await open.write([{ topic: changes, partition: 1, records: [change] }]);
  await tell();
  expect(told()).toEqual([0, 2]);
  await open.commit();
  await tell();
  expect(told()).toEqual([0, 2, 4]);
  expect(failures).toEqual([]);
  await kafka.close();
});
