import { describe, expect, it } from '@jest/globals';
import avsc from 'avsc';
import { TopologyTestDriver } from '../../runtime/testing/driver.ts';
import { opaqueKey } from '../../schemas/keys.ts';
import { createRawDecoder } from '../../schemas/raw-decoder.ts';
import { MemoryRegistry } from '../../schemas/registry/memory.ts';
import { createSerdes } from '../../schemas/serdes.ts';
import { rawTopic, topics } from '../../schemas/topics.ts';
import { site, sourceOf, tag } from './fixture.ts';
import { tagFreshness } from './index.ts';

const tills = sourceOf({
  transform: [
    { event: 'Sale', message_id: 'record.no', identifiers: { user_id: 'record.card' }, properties: { total: 'record.total' } },
  ],
});

async function start() {
  const registry = new MemoryRegistry();
  const serdes = createSerdes({ registry });
  await serdes.register();
  const rawDecoder = createRawDecoder({ registry });
  const processor = tagFreshness({ sources: [site, tills], secret: 'secret', rawDecoder });
  const driver = await TopologyTestDriver.start({ processors: [processor], serdes, rejected: topics.eventsRejected });
  return { driver, registry, rawDecoder };
}

describe('tag-freshness', () => {
  it('reads calls and raw topics, JSON and Avro, and writes one form', async () => {
    const { driver, registry, rawDecoder } = await start();
    driver.pipe(topics.eventsRaw, 'k1', Buffer.from('{"type":"track","event":"Sale","userId":"17","messageId":"m1"}'), {
      headers: { source: 'site' },
    });
    driver.pipe(rawTopic('tills'), 'k2', Buffer.from('{"no":"m2","card":"17","total":5.5}'));
    const schema = {
      type: 'record',
      name: 'Sale',
      fields: [
        { name: 'no', type: 'string' },
        { name: 'card', type: 'string' },
        { name: 'total', type: 'double' },
      ],
    };
    const id = registry.add({ kind: 'avro', schema: JSON.stringify(schema) });
    const prefix = Buffer.from([0, 0, 0, 0, id]);
    const avro = Buffer.concat([prefix, avsc.Type.forSchema(schema as avsc.Schema).toBuffer({ no: 'm3', card: '17', total: 7 })]);
    await rawDecoder.prepare(avro);
    driver.pipe(rawTopic('tills'), 'k3', avro);
    await driver.settle();

    const events = driver.read(topics.eventsTagged);
    expect(new Set(events.map(({ key }) => key))).toEqual(new Set([opaqueKey('secret', 'user_id', '17')]));
    const read = events.map(({ value, headers }) => [value.messageId, headers['source']?.toString(), value.properties].join(' '));
    expect(read.sort()).toEqual(['m1 site {}', 'm2 tills {"total":5.5}', 'm3 tills {"total":7}']);
    expect(driver.read(topics.eventsRejected)).toEqual([]);
    await driver.close();
  });

  it('hands what it cannot use to the rejected topic with its bytes, and goes on', async () => {
    const { driver } = await start();
    driver.pipe(rawTopic('tills'), 'k', Buffer.from('no json'), { headers: { trace: 't' } });
    driver.pipe(rawTopic('tills'), 'k', Buffer.from('{"no":"m2","card":"17","total":1}'));
    await driver.settle();
    expect(driver.read(topics.eventsTagged).map(({ value }) => value.messageId)).toEqual(['m2']);
    expect(driver.read(topics.eventsRejected).map(({ value }) => value)).toEqual([
      expect.objectContaining({
        topic: 'raw.tills',
        offset: 0,
        processor: 'tag-freshness',
        step: 'decode',
        reason: expect.stringContaining('not JSON'),
        value: Buffer.from('no json'),
      }),
    ]);
    await driver.close();
  });

  it('rejects what is not as the schema of its source says before anything is made of it, and names no value', () => {
    const schema = { type: 'object', properties: { total: { type: 'number' }, traits: { type: 'object', maxProperties: 1 } } };
    const strict = sourceOf({
      schema,
      transform: [{ event: 'Sale', identifiers: { user_id: 'record.card' }, properties: { total: 'number(record.total)' } }],
    });
    expect(tag(strict, { card: 'ada', total: '5' })).toMatchObject({
      events: [],
      rejected: ['validate: schema: total: expected number'],
    });
    expect(tag(strict, { card: 'ada', total: 5 })).toMatchObject({ events: [{}], rejected: [] });
    const calls = { ...site, schema };
    const call = { type: 'identify', userId: 'ada', traits: { email: 'ada@example.com', phone: '+4973112345' } };
    expect(tag(calls, call)).toMatchObject({
      events: [],
      rejected: ['validate: schema: traits: expected to NOT have more than 1 properties'],
    });
  });

  it('rejects JSON that is not as the schema says that it was registered under', async () => {
    const { driver, registry, rawDecoder } = await start();
    const id = registry.add({ kind: 'json', schema: '{"required":["no"]}' });
    const framed = (text: string) => Buffer.concat([Buffer.from([0, 0, 0, 0, id]), Buffer.from(text)]);
    await rawDecoder.prepare(framed('{}'));
    driver.pipe(rawTopic('tills'), 'k', framed('{"card":"17","total":1}'));
    driver.pipe(rawTopic('tills'), 'k', framed('{"no":"m2","card":"17","total":1}'));
    await driver.settle();
    expect(driver.read(topics.eventsTagged).map(({ value }) => value.messageId)).toEqual(['m2']);
    expect(driver.read(topics.eventsRejected).map(({ value }) => [value.step, value.reason])).toEqual([
      ['validate', `schema ${id}: no: expected a value, there is none`],
    ]);
    await driver.close();
  });

  it('keeps no personal data in keys and headers', async () => {
    const { driver } = await start();
    const call = { type: 'identify', messageId: 'm1', traits: { email: 'ann@example.com', phone: '+4973112345' } };
    driver.pipe(topics.eventsRaw, 'k1', Buffer.from(JSON.stringify(call)), { headers: { source: 'site' } });
    await driver.settle();
    const [event] = driver.read(topics.eventsTagged);
    expect(event?.value.traits).toContain('ann@example.com');
    expect(`${event?.key} ${Object.values(event?.headers ?? {}).join(' ')}`).not.toMatch(/ann@|73112345/);
    await driver.close();
  });
});
