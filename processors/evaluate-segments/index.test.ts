import { describe, expect, it } from '@jest/globals';
import { OneCustomer, source, type GivenEvent } from './fixture.ts';
import { evaluateSegments } from './index.ts';
import { segmentCompiler, type CompiledSegment } from './segment.ts';
import type { SourceConfig } from '../../schemas/config.ts';

const compile = segmentCompiler();
const twice = compile({ segment: 'twice', when: { count: { of: 'Order', within: '1m', at_least: 2 } } });
const once = compile({ segment: 'once', when: { count: { of: 'Order', exactly: 1 } } });
const cart = compile({ segment: 'cart', when: { absence: { of: 'Order', after: 'Cart', within: '30s' } } });

const customer = (segments: readonly CompiledSegment[], sources: readonly SourceConfig[] = [source('web')]): OneCustomer =>
  new OneCustomer(evaluateSegments({ segments, sources }));
const order = (id: string, second: number, more: Partial<GivenEvent> = {}): GivenEvent => ({
  id,
  event: 'Order',
  at: second * 1000,
  ...more,
});

describe('a membership', () => {
  it('begins on arrival where no later event can take it back, and ends by the clock', () => {
    const one = customer([twice]);
    one.watermark('web', 1000);
    one.event(order('a', 5));
    one.event(order('b', 10));
    expect(one.story()).toEqual(['10000 entered twice (event)']);
    one.watermark('web', 64_999);
    expect(one.story()).toHaveLength(1);
    one.watermark('web', 65_000);
    expect(one.story()).toEqual(['10000 entered twice (event)', '65000 left twice (timer)']);
  });

  it('waits for the clock where a later event could take it back', () => {
    const one = customer([once]);
    one.event(order('a', 5));
    expect(one.story()).toEqual([]);
    one.watermark('web', 3999);
    one.event(order('b', 5));
    one.watermark('web', 9000);
    expect(one.story()).toEqual([]);
    const other = customer([once]);
    other.event(order('a', 5));
    other.watermark('web', 6000);
    expect(other.memberships[0]).toMatchObject({ effectiveAt: 5000, cause: { kind: 'event', messageId: 'a', event: 'Order' } });
  });

  it('is true to an absence: the event that came in time is counted, however late the clock', () => {
    const one = customer([cart]);
    one.event({ id: 'c', event: 'Cart', at: 0 });
    one.event(order('late', 31));
    one.watermark('web', 30_500);
    expect(one.story()).toEqual(['30000 entered cart (timer)']);
    one.watermark('web', 31_000);
    expect(one.story().at(-1)).toBe('31000 left cart (event)');
    const other = customer([cart]);
    other.event({ id: 'c', event: 'Cart', at: 0 });
    other.event(order('in time', 30));
    other.watermark('web', 60_000);
    expect(other.story()).toEqual([]);
  });

  it('is corrected by an event that came after its time had been decided', () => {
    const one = customer([cart], [source('web', { latenessMs: 60_000 })]);
    one.event({ id: 'c', event: 'Cart', at: 0 });
    one.watermark('web', 40_000);
    one.event(order('late', 20));
    expect(
      one.memberships.map(({ change, effectiveAt, sequence, cause }) => [
        change,
        effectiveAt,
        sequence,
        cause.kind,
        cause.corrects,
      ]),
    ).toEqual([
      ['entered', 30_000, 1, 'timer', null],
      ['left', 20_000, 2, 'correction', 1],
    ]);
    expect(one.counters.get('late')).toBe(1);
  });

  it('that is found too late to have been and to be over again is not published', () => {
    const one = customer([cart], [source('web', { latenessMs: 60_000 })]);
    one.watermark('web', 50_000);
    one.event({ id: 'c', event: 'Cart', at: 95_000 });
    one.watermark('web', 100_000);
    one.event(order('late', 92));
    one.event({ id: 'late too', event: 'Cart', at: 60_000 });
    one.watermark('web', 130_000);
    expect(one.story()).toEqual(['125000 entered cart (timer)']);
  });

  it('is corrected by all that came within the lateness, whatever else has come since', () => {
    const one = customer([cart], [source('web', { latenessMs: 300_000 })]);
    one.event({ id: 'c1', event: 'Cart', at: 0 });
    one.event({ id: 'c2', event: 'Cart', at: 20_000 });
    one.watermark('web', 200_000);
    one.event({ id: 'c3', event: 'Cart', at: 210_000 });
    one.event(order('late', 10));
    expect(one.story()).toEqual(['30000 entered cart (timer)']);
  });

  it('is decided on arrival for a rule that asks for it, and taken back if that proves wrong', () => {
    const one = customer([compile({ segment: 'hasty', eager: true, when: { count: { of: 'Order', exactly: 1 } } })]);
    one.event(order('a', 5));
    expect(one.story()).toEqual(['5000 entered hasty (event)']);
    one.event(order('b', 4));
    expect(one.story().at(-1)).toBe('5000 left hasty (correction)');
  });

  it('has the cause backfill, in the order of event time, until that source has ended', () => {
    const one = customer([twice, once], [source('web'), source('past', { mode: 'backfill' })]);
    one.watermark('web', 100_000);
    one.event(order('b', 20, { source: 'past', mode: 'backfill' }));
    one.event(order('a', 10, { source: 'past', mode: 'backfill' }));
    expect(one.story()).toEqual([]);
    one.watermark('past', 30_000);
    expect(one.story()).toEqual([
      '10000 entered once (backfill)',
      '20000 left once (backfill)',
      '20000 entered twice (backfill)',
    ]);
    one.watermark('past', Number.POSITIVE_INFINITY);
    expect(one.story().at(-1)).toBe('70000 left twice (timer)');
  });

  it('has the cause backfill up to the end of that source, also when it is decided after it', () => {
    const one = customer([twice, once], [source('web'), source('past', { mode: 'backfill' })]);
    one.watermark('web', 100_000);
    one.event(order('b', 20, { source: 'past', mode: 'backfill' }));
    one.event(order('a', 10, { source: 'past', mode: 'backfill' }));
    one.end('past', 30_000);
    expect(one.story()).toEqual([
      '10000 entered once (backfill)',
      '20000 left once (backfill)',
      '20000 entered twice (backfill)',
      '70000 left twice (timer)',
    ]);
  });

  it('stays as it was decided last when all sources of its clock have ended', () => {
    const one = customer([twice], [source('past', { mode: 'replay' })]);
    one.event(order('a', 10, { mode: 'replay' }));
    one.event(order('b', 20, { mode: 'replay' }));
    one.watermark('past', 30_000);
    one.watermark('past', Number.POSITIVE_INFINITY);
    expect(one.story()).toEqual(['20000 entered twice (replay)']);
  });

  it('of a customer who is merely known begins with his first event, of whatever kind', () => {
    const one = customer(
      [compile({ segment: 'none', when: { none: [{ count: { of: 'Order', at_least: 1 } }] } })],
      [source('web', { events: ['Order'] }), source('app')],
    );
    one.event({ id: 'v', event: 'View', at: 3000, source: 'app' });
    one.watermark('web', 9000);
    one.watermark('app', 9000);
    expect(one.story()).toEqual(['3000 entered none (timer)']);
  });

  it('does not wait for sources that cannot carry its events', () => {
    const one = customer([once], [source('web', { events: ['Order'] }), source('stock', { events: ['Stock'] })]);
    one.event(order('a', 5));
    one.watermark('web', 6000);
    expect(one.members()).toEqual(['once']);
  });

  it('that an edited rule no longer grants ends with the next event, by cause rule-change', () => {
    const before = customer([twice]);
    before.event(order('a', 5));
    before.event(order('b', 6));
    const edited = compile({ segment: 'twice', when: { count: { of: 'Order', within: '1m', at_least: 3 } } });
    const after = customer([edited]);
    for (const [part, cell] of before.cells) after.cells.set(part, cell);
    after.watermark('web', 7000);
    after.event(order('c', 8));
    expect(after.story()).toEqual(['7000 left twice (rule-change)']);
  });
});

describe('a change', () => {
  it('has an id of its own that is the same whenever it is computed', () => {
    const run = (): readonly string[] => {
      const one = customer([twice, once]);
      one.event(order('a', 5));
      one.event(order('b', 10));
      one.watermark('web', 80_000);
      return one.memberships.map(({ id }) => id);
    };
    expect(run()).toEqual(run());
    expect(new Set(run()).size).toBe(run().length);
  });

  it('proves how fresh its facts were: by source, and by hop', () => {
    const one = customer([twice], [source('web'), source('app')]);
    one.tick = 15_000;
    one.watermark('web', 9000);
    one.watermark('app', 8000);
    one.event(order('a', 9.5, { asOf: 7000, source: 'app' }));
    one.event(order('b', 10), { hops: 'gateway=10003;tag-freshness=10012' });
    expect(one.memberships[0]?.proof).toEqual({
      now: 8000,
      lagMs: 7000,
      sources: [
        { source: 'web', watermark: 9000, asOf: null, ageMs: null, status: 'fresh', link: null },
        { source: 'app', watermark: 8000, asOf: 7000, ageMs: 1000, status: 'fresh', link: null },
      ],
      hops: [
        { hop: 'gateway', at: 10_003, ms: 3 },
        { hop: 'tag-freshness', at: 10_012, ms: 9 },
      ],
      tables: [],
    });
    expect(one.memberships[0]?.cause).toEqual({
      kind: 'event',
      messageId: 'b',
      event: 'Order',
      corrects: null,
      after: { topic: 'events.identified', partition: 0, offset: 1 },
    });
  });
});

describe('a profile', () => {
  it('keeps of each trait the newest value by event time, whatever arrives when', () => {
    const one = customer([]);
    one.event({ id: 'b', event: 'Identify', at: 2000, traits: { plan: 'gold', city: 'Bath' } });
    one.event({ id: 'a', event: 'Identify', at: 1000, traits: { plan: 'free', age: 7 } });
    one.event({ id: 'c', event: 'Identify', at: 3000, traits: { city: null } });
    one.event({ id: 'd', event: 'Identify', at: 4000, traits: { plan: 'gold' } });
    expect(one.traits.map(({ trait, value, known }) => [trait, value, known])).toEqual([
      ['plan', '"gold"', 'declared'],
      ['city', '"Bath"', 'declared'],
      ['age', '7', 'declared'],
      ['city', null, 'declared'],
    ]);
  });
});

describe('the state', () => {
  it('is touched only where an event concerns it', () => {
    const one = customer([twice, cart]);
    one.event(order('a', 1));
    one.writes.length = 0;
    one.event({ id: 'v', event: 'View', at: 2000 });
    expect(one.writes).toEqual([]);
    one.event({ id: 'c', event: 'Cart', at: 3000 });
    expect(one.writes).toHaveLength(2);
  });

  it('of equal leaves of two segments is one', () => {
    const also = compile({
      segment: 'also',
      when: { any: [{ count: { at_least: 2, within: '60s', of: 'Order' } }, { count: { of: 'View', at_least: 1 } }] },
    });
    const one = customer([twice, also]);
    one.event(order('a', 1));
    expect([...one.cells.keys()].filter((part) => part.startsWith('l'))).toHaveLength(1);
  });

  it('does not grow beyond window and lateness', () => {
    const one = customer([twice], [source('web', { latenessMs: 5000 })]);
    for (let second = 0; second < 500; second++) {
      one.event(order(`o${second}`, second));
      one.watermark('web', second * 1000);
    }
    const leaf = [...one.cells].find(([part]) => part.startsWith('l'))?.[1].value as { state: { log: unknown[] } };
    expect(leaf.state.log.length).toBeLessThanOrEqual(67);
  });
});

describe('the version of a rule', () => {
  it('changes with its meaning, not with its spelling, description or tests', () => {
    const same = compile({
      segment: 'twice',
      description: 'x',
      when: { count: { at_least: 2, of: 'Order', within: '60s' } },
      tests: [],
    });
    const other = compile({ segment: 'twice', when: { count: { at_least: 2, of: 'Order', within: '61s' } } });
    expect(same.version).toBe(twice.version);
    expect(other.version).not.toBe(twice.version);
    expect(twice.version).toMatch(/^sha256:[0-9a-f]{64}$/);
  });
});

describe('a shadow', () => {
  const rule = { segment: 'twice', when: { count: { of: 'Order', within: '1m', at_least: 2 } } };
  const shadow = compile({ ...rule, mode: 'shadow' });

  it('is evaluated and counted, and publishes nothing; the changes of others keep their sequence', () => {
    const one = customer([shadow, once]);
    one.event(order('a', 5));
    one.watermark('web', 6000);
    one.event(order('b', 10));
    one.watermark('web', 80_000);
    expect(one.memberships.map(({ segment, change, sequence }) => [segment, change, sequence])).toEqual([
      ['once', 'entered', 1],
      ['once', 'left', 2],
    ]);
    expect([one.counters.get('shadow-entered'), one.counters.get('shadow-left')]).toEqual([1, 1]);
    expect(shadow.version).toBe(compile(rule).version);
  });

  it('that becomes live has its state already, and enters what was never told', () => {
    const before = customer([shadow]);
    before.event(order('a', 5));
    before.event(order('b', 6));
    const after = customer([compile(rule)]);
    for (const [part, cell] of before.cells) after.cells.set(part, cell);
    after.watermark('web', 7000);
    after.event(order('c', 8));
    expect(after.story()).toEqual(['7000 entered twice (correction)']);
  });
});
