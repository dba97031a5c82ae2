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
