import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { OneCustomer, runs, source, type GivenEvent } from './fixture.ts';
import { evaluateSegments } from './index.ts';
import { segmentCompiler } from './segment.ts';

const compile = segmentCompiler();
const segments = [
  { segment: 'often', when: { count: { of: 'Order', within: '10s', at_least: 2, as: 'orders_10s' } } },
  {
    segment: 'garden',
    when: { most_frequent: { of: 'Order', property: 'category', within: '20s', equals: 'garden', as: 'favourite_category' } },
  },
].map(compile);
const sources = [source('web', { latenessMs: 60_000 })];
const customer = (): OneCustomer => new OneCustomer(evaluateSegments({ segments, sources }));
const order = (id: string, second: number, category = 'garden'): GivenEvent => ({
  id,
  event: 'Order',
  at: second * 1000,
  properties: { category },
});
const told = (one: OneCustomer, trait: string): readonly (readonly [at: number, value: string | null])[] =>
  one.traits.filter((each) => each.trait === trait).map(({ occurredAt, value }) => [occurredAt, value]);

describe('a figure that is published', () => {
  it('changes with an event at once, and by the clock without one', () => {
    const one = customer();
    one.event(order('a', 1));
    one.event(order('b', 4));
    expect(told(one, 'orders_10s')).toEqual([
      [1000, '1'],
      [4000, '2'],
    ]);
    one.watermark('web', 11_000);
    one.watermark('web', 14_000);
    one.watermark('web', 60_000);
    expect(told(one, 'orders_10s').slice(2)).toEqual([
      [11_000, '1'],
      [14_000, '0'],
    ]);
    expect(told(one, 'favourite_category')).toEqual([
      [1000, '"garden"'],
      [60_000, null],
    ]);
    expect(one.traits[0]).toMatchObject({ source: 'computed', known: 'inferred', messageId: 'a' });
  });

  it('is, whatever comes when, what a recomputation says at the clock', () => {
    const event = fc.record({ second: fc.nat(30), category: fc.constantFrom('garden', 'kitchen'), delay: fc.nat(15) });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 10 }), fc.nat(50), (given, until) => {
        const one = customer();
        const events = given.map(({ second, category, delay }, index) => ({ ...order(`m${index}`, second, category), delay }));
        const arriving = events.toSorted((a, b) => a.at + a.delay * 1000 - b.at - b.delay * 1000);
        for (const [index, each] of arriving.entries()) {
          const pending = Math.min(...arriving.slice(index).map(({ at }) => at));
          if (pending - 1 > one.clock('web')) one.watermark('web', pending - 1);
          one.event(each);
        }
        const now = 30_000 + until * 1000;
        one.watermark('web', now);
        if (events.length === 0) return;
        const count = events.filter(({ at }) => at > now - 10_000).length;
        expect(told(one, 'orders_10s').at(-1)?.[1]).toBe(String(count));
      }),
      { numRuns: runs(100) },
    );
  });

  it('is that of both after a merge', () => {
    const [winner, loser] = [customer(), new OneCustomer(evaluateSegments({ segments, sources }), 'c_two')];
    winner.event(order('a', 1));
    loser.event(order('b', 2));
    const processor = evaluateSegments({ segments, sources });
    processor.merge('c_one', 'c_two', new Map([...loser.cells].map(([part, { value }]) => [part, value])), winner.context());
    expect(told(winner, 'orders_10s').at(-1)?.[1]).toBe('2');
  });
});
