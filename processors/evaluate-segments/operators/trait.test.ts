import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { LeafEvent } from '../operator.ts';
import { conforms } from './conformance.ts';
import { trait } from './trait.ts';

const traits = fc.record(
  { plan: fc.constantFrom('gold', 'free', null), age: fc.constantFrom(17, 18), other: fc.nat(2) },
  { requiredKeys: [] },
);

const newest = (events: readonly LeafEvent[], at: number, from: readonly string[], name: string): unknown =>
  events.findLast((each) => from.includes(each.event) && each.occurredAt <= at && Object.hasOwn(each.traits, name))?.traits[name];

conforms('a trait', {
  operator: trait,
  config: { where: 'traits.plan == "gold"' },
  respelt: { where: 'traits.plan == "gold"', from: ['Identify'] },
  events: ['Identify', 'Other'],
  traits,
  means: (events, at) => newest(events, at, ['Identify'], 'plan') === 'gold',
});
conforms('several traits of several events', {
  operator: trait,
  config: { where: 'traits.plan == "gold" && traits["age"] >= 18', from: ['Other', 'Identify'] },
  events: ['Identify', 'Other'],
  traits,
  means: (events, at) =>
    newest(events, at, ['Identify', 'Other'], 'plan') === 'gold' &&
    Number(newest(events, at, ['Identify', 'Other'], 'age') ?? 0) >= 18,
});
conforms('a trait that is not there', {
  operator: trait,
  config: { where: '!("plan" in traits)' },
  events: ['Identify'],
  traits,
  means: (events, at) => (newest(events, at, ['Identify'], 'plan') ?? null) === null,
});

conforms('one trait by its name', {
  operator: trait,
  config: { name: 'plan', in: ['gold', 'silver'] },
  events: ['Identify', 'Other'],
  traits,
  means: (events, at) => newest(events, at, ['Identify'], 'plan') === 'gold',
});
conforms('a trait that is not there, by its name', {
  operator: trait,
  config: { name: 'plan', exists: false, from: ['Identify', 'Other'] },
  events: ['Identify', 'Other'],
  traits,
  means: (events, at) => (newest(events, at, ['Identify', 'Other'], 'plan') ?? null) === null,
});
const dates = fc.record({ due: fc.constantFrom(5000, 20_000, 40_000, null, 'never') }, { requiredKeys: [] });
/** Numbers below a hundred thousand million are seconds. */
const time = (value: unknown): number => (typeof value === 'number' ? value * 1000 : Number.NaN);
conforms('a trait that is a time not long ago', {
  operator: trait,
  config: { name: 'due', within_last: '8s' },
  events: ['Identify'],
  traits: dates.map(({ due }) => (typeof due === 'number' ? { due: due / 1000 } : { due: due ?? null })),
  means: (events, at) => {
    const due = time(newest(events, at, ['Identify'], 'due'));
    return due <= at && at < due + 8000;
  },
});
conforms('a trait that is a time soon to come', {
  operator: trait,
  config: { name: 'due', within_next: '8s' },
  events: ['Identify'],
  traits: dates.map(({ due }) => (typeof due === 'number' ? { due: due / 1000 } : { due: due ?? null })),
  means: (events, at) => {
    const due = time(newest(events, at, ['Identify'], 'due'));
    return due - 8000 <= at && at < due;
  },
});
const DAY = 86_400_000;
conforms('a birthday soon to come, in any year', {
  operator: trait,
  config: { name: 'birthday', within_next: '14d', every_year: true },
  events: ['Identify'],
  traits: fc.constantFrom({ birthday: '1990-01-05' }, { birthday: '1990-07-30' }),
  unitMs: 10 * DAY,
  startMs: Date.UTC(2024, 0, 1),
  means: (events, at) => {
    const birthday = newest(events, at, ['Identify'], 'birthday');
    if (typeof birthday !== 'string') return false;
    return Array.from({ length: 14 }, (_, day) => new Date(at + (day + 1) * DAY).toISOString().slice(5, 10)).includes(
      birthday.slice(5),
    );
  },
});
conforms('a trait that changed', {
  operator: trait,
  config: { name: 'plan', changed: { within: '10s', from: 'free', to: 'gold' } },
  events: ['Identify'],
  traits: fc.record({ plan: fc.constantFrom('gold', 'free', 'free', null) }, { requiredKeys: [] }),
  means: (events, at) => {
    const plans = events
      .filter((each) => each.event === 'Identify' && each.occurredAt <= at && Object.hasOwn(each.traits, 'plan'))
      .filter((each, index, all) => all[index + 1]?.occurredAt !== each.occurredAt);
    return plans.some(
      (each, index) =>
        each.traits['plan'] === 'gold' && plans[index - 1]?.traits['plan'] === 'free' && at < each.occurredAt + 10_000,
    );
  },
});

describe('a condition on a trait', () => {
  const compile = (config: unknown): unknown => trait.compile(config, { path: ['when', 'trait'], timezone: 'UTC' });

  it('is one, and knows what it compares with', () => {
    expect(() => compile({ name: 'plan' })).toThrow('expected exactly one of equals');
    expect(() => compile({ where: 'traits.a == 1', name: 'a', equals: 1 })).toThrow('expected either where or name');
    expect(() => compile({ where: 'traits.a == 1', equals: 1 })).toThrow('expected either this or where');
    expect(() => compile({ name: 'a', before: 'soon' })).toThrow('expected a time such as 2026-01-31');
    expect(() => compile({ name: 'a', equals: 1, every_year: true })).toThrow('expected within_last or within_next');
  });

  it('compares as its words say', () => {
    const holds = (condition: object, a: unknown): boolean => {
      const leaf = trait.compile({ name: 'a', ...condition }, { path: [], timezone: 'Europe/Berlin' });
      const told = { messageId: 'm', event: 'Identify', occurredAt: 0, properties: {}, traits: { a } };
      return leaf.holds(
        leaf.add(leaf.empty, told, () => undefined),
        0,
      );
    };
    expect(holds({ contains: 'VIP' }, 'a vip of ours')).toBe(true);
    expect(holds({ contains: 'x' }, ['x', 'y'])).toBe(true);
    expect(holds({ contains: 'x' }, ['xy'])).toBe(false);
    expect(holds({ at_least: 3 }, 3)).toBe(true);
    expect(holds({ at_least: 3 }, '3')).toBe(false);
    expect(holds({ before: '2024-01-01' }, '2023-12-31T22:59:59Z')).toBe(true);
    expect(holds({ before: '2024-01-01' }, '2023-12-31T23:00:00Z')).toBe(false);
    expect(holds({ after: '2024-01-01' }, '2024-01-01')).toBe(true);
  });
});
