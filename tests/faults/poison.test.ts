import { afterAll, describe, expect, it } from '@jest/globals';
import type { Processor } from '../../runtime/processor.ts';
import type { Rejected } from '../../runtime/record.ts';
import { TopologyTestDriver } from '../../runtime/testing/driver.ts';
import { jsonSerdes, testTopic } from '../../runtime/testing/json-serdes.ts';
import { MemoryBroker } from '../../runtime/testing/memory-kafka.ts';
import { topics } from '../../schemas/topics.ts';
import { at, standOn, track, walks } from '../support/walk.ts';

const say = (line: string): void => void process.stderr.write(`freshet: ${line}\n`);
const MiB = 1024 * 1024;
const openWalk = walks();
afterAll(() => standOn(() => ({})));

describe('F22: records that cannot be used', () => {
  // Conditions of rules are CEL, which has no loops, and regular expressions RE2: of user code nothing can go on for ever.
  it('F22: that make the processor throw each time are tried twice and refused, and the others of their keys keep their order', async () => {
    const visits = testTopic<number>('visits');
    const seen = testTopic<readonly number[]>('seen');
    const rejected = testTopic<Rejected>('rejected');
    let tries = 0;
    const poisoned = (value: number): boolean => value % 10 === 7;
    const processor: Processor = {
      name: 'see',
      inputs: [visits],
      outputs: [seen],
      upstream: [],
      process: ({ key, value }, context) => {
        const numbers = [...(context.state.get<number[]>('numbers') ?? []), value as number];
        context.state.set('numbers', numbers);
        context.forward(seen, key, numbers);
        if (!poisoned(value as number)) return;
        tries += 1;
        throw new Error('poison');
      },
    };
    const driver = await TopologyTestDriver.start({ processors: [processor], serdes: jsonSerdes, rejected });
    const records = 500;
    for (let value = 0; value < records; value++) driver.pipe(visits, `k${value % 11}`, value);
    await driver.settle();
    const refused = driver.read(rejected);
    const last = new Map(driver.read(seen).map(({ key, value }) => [key, value]));
    const accepted = [...last.values()].flat().length;
    const swapped = [...last.values()].filter((numbers) => numbers.some((value, i) => value < (numbers[i - 1] ?? 0))).length;
    say(
      `F22: records ${records}, rejected ${refused.length}, tries ${tries}, lost ${records - accepted - refused.length}, out-of-order ${swapped}`,
    );
    expect([accepted + refused.length, refused.length, tries, swapped]).toEqual([records, records / 10, (2 * records) / 10, 0]);
    await driver.close();
  });

  it('F22: of every odd shape, and of 5 MB, are refused with their position and reason by the whole walk, which goes on', async () => {
    const broker = new MemoryBroker({ maxRecordBytes: 6 * MiB });
    standOn(() => ({ broker }));
    const walk = await openWalk({ sources: ['shop', 'stock'] });
    walk.at(0);
    const huge = JSON.stringify({
      type: 'track',
      userId: 'u',
      event: 'Huge',
      messageId: 'huge',
      properties: { text: 'x'.repeat(5e6) },
    });
    const zeros = Buffer.alloc(4);
    const header = { source: Buffer.from('shop') };
    const odd = {
      '5 MB': { key: Buffer.from('k'), value: Buffer.from(huge), headers: header },
      'key of four zero bytes': { key: zeros, value: Buffer.from('{"type":"track"}'), headers: header },
      'null key and value': { key: null, value: null, headers: header },
      'empty value': { key: null, value: Buffer.alloc(0), headers: header },
      'no JSON': { key: zeros, value: Buffer.from('{"type":'), headers: header },
      'bytes that are no text': { key: zeros, value: Buffer.from([0xff, 0xfe, 0, 0, 0]), headers: header },
      'no source': { key: zeros, value: Buffer.from('{}') },
      'a schema that nobody knows': { key: zeros, value: Buffer.from([0, 0, 0, 0, 99, 1]), headers: header },
    };
    let records = 0;
    for (const [index, record] of Object.values(odd).entries()) {
      for (let partition = 0; partition < 4; partition++) {
        broker.append(topics.eventsRaw.name, partition, [record]);
        records += 1;
      }
      for (let n = 0; n < 10; n++, records++)
        walk.send(track({ userId: `u${n}` }, 'Page Seen', { n: index }, { messageId: `g${index}-${n}` }));
    }
    await walk.settle();
    const rejected = walk.read(topics.eventsRejected);
    const identified = walk.read(topics.eventsIdentified).flatMap(({ event }) => (event ? [event] : []));
    const swapped = [...Map.groupBy(identified, ({ identifiers }) => identifiers[0]?.value)].filter(([, own]) =>
      own.some(({ properties }, i) => i > 0 && numberIn(properties) < numberIn(own[i - 1]?.properties ?? '')),
    ).length;
    say(
      `F22: records ${records}, accepted ${identified.length}, rejected ${rejected.length}, lost ${records - identified.length - rejected.length}, out-of-order ${swapped}`,
    );
    expect([rejected.length, identified.length, swapped]).toEqual([4 * Object.keys(odd).length, 10 * Object.keys(odd).length, 0]);
    expect(new Set(rejected.map(({ partition, offset }) => `${partition}/${offset}`)).size).toBe(rejected.length);
    for (const { reason, processor } of rejected) expect([processor, reason === '']).toEqual(['tag-freshness', false]);
    expect(rejected.filter(({ reason }) => /bytes are only where it was read/.test(reason))).toHaveLength(4);
    expect(walk.driver.clock.now()).toBe(at(0));
  });
});

const numberIn = (properties: string): number => (JSON.parse(properties || '{"n":0}') as { n: number }).n;
