import { afterEach, describe, expect, it } from '@jest/globals';
import { source, tagged, type GivenEvent } from '../../processors/evaluate-segments/fixture.ts';
import { evaluateSegments } from '../../processors/evaluate-segments/index.ts';
import { segmentCompiler } from '../../processors/evaluate-segments/segment.ts';
import { compileActivation } from '../../processors/plan-activations/activation.ts';
import { planActivations } from '../../processors/plan-activations/index.ts';
import { TopologyTestDriver } from '../../runtime/testing/driver.ts';
import { compose } from '../../runtime/topology.ts';
import { MemoryRegistry } from '../../schemas/registry/memory.ts';
import { createSerdes } from '../../schemas/serdes.ts';
import { topics } from '../../schemas/topics.ts';

/**
 * Segments and messages, hop three of the walk: events of a customer come in, changes of membership and requests for messages
 * go out, in one transaction of the customer's task. Here the real tasks run over a broker in memory, with a clock moved by hand.
 */
const minute = 60_000;
const start = Date.UTC(2030, 0, 1, 10);
const drivers: TopologyTestDriver[] = [];
afterEach(async () => {
  for (const driver of drivers.splice(0)) await driver.close();
});

async function shop(): Promise<TopologyTestDriver> {
  const compile = segmentCompiler();
  const segments = [
    {
      segment: 'left-a-cart',
      when: { absence: { of: 'Bought', after: 'Added', within: '30m', same: 'cart', reset_by: ['Added'], for: '1d' } },
    },
    { segment: 'big', when: { count: { of: 'Bought', where: 'properties.total >= 250', within: '1d', at_least: 1 } } },
  ].map(compile);
  const activations = segments.map(({ name }) =>
    compileActivation({
      activation: `${name}-mail`,
      on: { segment: name },
      channel: 'email',
      address: 'email',
      template: name,
      data: { first_name: 'name' },
      valid_for: '1h',
    }),
  );
  const sources = [source('web', { latenessMs: 5000 })];
  const evaluate = evaluateSegments({ segments, sources });
  const customers = compose('customers', [evaluate, planActivations({ activations, sources, secret: 'secret of a test' })]);
  const serdes = createSerdes({ registry: new MemoryRegistry() });
  await serdes.register();
  const driver = await TopologyTestDriver.start({ processors: [customers], serdes, rejected: topics.eventsRejected, now: start });
  drivers.push(driver);
  return driver;
}

function send(driver: TopologyTestDriver, customer: string, given: GivenEvent, hops = ''): void {
  const value = { customer, event: tagged(given), marker: null };
  driver.pipe(topics.eventsIdentified, customer, value, hops === '' ? {} : { headers: { hops, 'message-id': given.id } });
}

const identify = (id: string, name: string): GivenEvent => ({
  id,
  event: 'Identify',
  at: start,
  traits: { name, email: `${id}@example.com` },
});

describe('a customer who leaves a cart', () => {
  it('is written to when the stream of orders has been seen up to the end of the wait, and not before', async () => {
    const driver = await shop();
    send(driver, 'c_ada', identify('ada', 'Ada'));
    send(driver, 'c_ada', { id: 'e1', event: 'Added', at: start, properties: { cart: 'c1' } });
    driver.advance(45 * minute);
    await driver.watermark('web', start + 30 * minute - 1);
    expect(driver.read(topics.segmentsMembership)).toEqual([]);

    await driver.watermark('web', start + 30 * minute);
    const [change] = driver.read(topics.segmentsMembership);
    expect(change?.value).toMatchObject({
      customer: 'c_ada',
      segment: 'left-a-cart',
      change: 'entered',
      sequence: 1,
      effectiveAt: start + 30 * minute,
      cause: { kind: 'timer', after: { topic: 'events.identified' } },
      proof: { now: start + 30 * minute, lagMs: 15 * minute },
    });
    expect(change?.headers['segment']?.toString()).toBe('left-a-cart');
    const [request] = driver.read(topics.activationsRequested);
    expect(request?.value).toMatchObject({
      to: 'ada@example.com',
      template: 'left-a-cart',
      data: '{"first_name":"Ada"}',
      membership: change?.value.id,
    });
    expect(request?.value.reason).toContain('time passed, and at 2030-01-01T10:30:00.000Z the customer entered left-a-cart');
  });

  it('is left alone after an order in time, although it comes after the end of the wait', async () => {
    const driver = await shop();
    send(driver, 'c_bob', { id: 'e1', event: 'Added', at: start, properties: { cart: 'c1' } });
    await driver.watermark('web', start + 20 * minute);
    driver.advance(50 * minute);
    send(driver, 'c_bob', { id: 'e2', event: 'Bought', at: start + 29 * minute, properties: { cart: 'c1', total: 10 } });
    await driver.watermark('web', start + 60 * minute);
    expect(driver.read(topics.segmentsMembership)).toEqual([]);
  });
});

describe('a customer with a big basket', () => {
  it('is written to at once, with the way of the event as proof, and leaves a day later', async () => {
    const driver = await shop();
    send(driver, 'c_cy', identify('cy', 'Cy'));
    send(
      driver,
      'c_cy',
      { id: 'e1', event: 'Bought', at: start, properties: { total: 300 } },
      `gateway=${start + 3};stitch-identity=${start + 20}`,
    );
    await driver.settle();
    const [entered] = driver.read(topics.segmentsMembership);
    expect(entered?.value).toMatchObject({
      segment: 'big',
      change: 'entered',
      cause: { kind: 'event', messageId: 'e1', event: 'Bought' },
    });
    expect(entered?.value.proof.hops).toEqual([
      { hop: 'gateway', at: start + 3, ms: 3 },
      { hop: 'stitch-identity', at: start + 20, ms: 17 },
    ]);
    expect(driver.read(topics.activationsRequested)).toHaveLength(1);

    await driver.watermark('web', start + 24 * 60 * minute);
    expect(driver.read(topics.segmentsMembership).map(({ value }) => [value.segment, value.change, value.sequence])).toEqual([
      ['big', 'left', 2],
    ]);
    expect(driver.read(topics.activationsRequested)).toEqual([]);
  });
});
