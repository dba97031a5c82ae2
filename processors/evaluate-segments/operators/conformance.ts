import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { schemaCheck } from '../../../schemas/json-schema.ts';
import { runs } from '../fixture.ts';
import type { Leaf, LeafEvent, Operator } from '../operator.ts';
import { canonical } from '../canonical.ts';

/** One config of an operator, with a plain definition of what it means. */
export interface Conformance {
  readonly operator: Operator;
  readonly config: unknown;
  /** The same meaning, spelt otherwise. */
  readonly respelt?: unknown;
  /** Names of the events to draw from. */
  readonly events: readonly string[];
  /** Properties and traits to draw from; few values, so that they meet. */
  readonly properties?: fc.Arbitrary<Readonly<Record<string, unknown>>>;
  readonly traits?: fc.Arbitrary<Readonly<Record<string, unknown>>>;
  /** Time zones that devices tell; none when left out. */
  readonly zones?: readonly string[];
  /** Length of the unit of time of the examples, milliseconds; a second when left out. */
  readonly unitMs?: number;
  /** Start of the examples; a whole multiple of what the rule rounds times to. */
  readonly startMs?: number;
  /** Whether it holds at `at`, from all events in order; must be obvious, not fast. */
  readonly means: (events: readonly LeafEvent[], at: number) => boolean;
}

const quiet = (): void => undefined;
const SPAN = 30;
const END = 3 * SPAN;
const times = Array.from({ length: END + 1 }, (_, index) => index - 1);

/** What every operator must keep, whatever it means. Times are small whole numbers of a unit, so that ties and edges are met. */
export function conforms(name: string, given: Conformance): void {
  const compiled = given.operator.compile(given.config, { path: [], timezone: 'UTC' });
  const leaf = compiled.forCustomer?.('c_one') ?? compiled;
  const { unitMs = 1000, startMs = 0 } = given;
  const timeOf = (units: number): number => startMs + units * unitMs;
  const event = fc.record({
    event: fc.constantFrom(...given.events),
    occurredAt: fc.nat(SPAN).map(timeOf),
    properties: given.properties ?? fc.constant({}),
    traits: given.traits ?? fc.constant({}),
    ...(given.zones === undefined ? {} : { zone: fc.constantFrom(...given.zones) }),
  });
  const history = fc.array(event, { maxLength: 12 }).chain((events) =>
    fc.shuffledSubarray(
      events.map((each, index) => ({ ...each, messageId: `m${index}` })),
      { minLength: events.length },
    ),
  );
  const sorted = (events: readonly LeafEvent[]): readonly LeafEvent[] =>
    events.toSorted((one, other) => one.occurredAt - other.occurredAt || (one.messageId < other.messageId ? -1 : 1));
  const fold = (events: readonly LeafEvent[], from: unknown = leaf.empty): unknown =>
    events.reduce((state, each) => leaf.add(state, each, quiet), from);
  /** One letter for each unit of time. */
  const line = (holds: (at: number) => boolean, from = Number.NEGATIVE_INFINITY): string =>
    times.map((units) => (timeOf(units) < from ? ' ' : holds(timeOf(units)) ? 'T' : '.')).join('');
  const answers = (state: unknown, from?: number): string => line((at) => leaf.holds(state, at), from);
  const check = <T>(arbitrary: fc.Arbitrary<T>, law: (value: T) => void): void =>
    fc.assert(fc.property(arbitrary, law), { numRuns: runs(20) });

  describe(name, () => {
    it('accepts its config by its own schema, and two spellings mean the same', () => {
      const fits = schemaCheck(given.operator.schema);
      expect(() => fits(given.config)).not.toThrow();
      if (given.respelt === undefined) return;
      expect(() => fits(given.respelt)).not.toThrow();
      const respelt: Leaf = given.operator.compile(given.respelt, { path: [], timezone: 'UTC' });
      expect(canonical(respelt.meaning)).toBe(canonical(leaf.meaning));
    });

    it('means at every time what its definition says', () => {
      check(history, (events) => {
        const ordered = sorted(events);
        expect(answers(fold(events))).toBe(line((at) => given.means(ordered, at)));
      });
    });

    it('is the same state in any order of arrival, and after adding an event twice', () => {
      check(history, (events) => {
        expect(fold(events)).toEqual(fold(sorted(events)));
        expect(fold([...events, ...events.slice(0, 3)])).toEqual(fold(events));
      });
    });

    it('is a commutative monoid', () => {
      check(fc.tuple(history, fc.nat(12), fc.nat(12)), ([events, one, other]) => {
        const [from, to] = [Math.min(one, other), Math.max(one, other)];
        const [a, b, c] = [fold(events.slice(0, from)), fold(events.slice(from, to)), fold(events.slice(to))];
        expect(leaf.merge(leaf.merge(a, b), c)).toEqual(fold(events));
        expect(leaf.merge(a, leaf.merge(b, c))).toEqual(fold(events));
        expect(leaf.merge(b, a)).toEqual(leaf.merge(a, b));
        expect(leaf.merge(a, leaf.empty)).toEqual(a);
        expect(leaf.merge(a, a)).toEqual(a);
      });
    });

    it('ignores events after the time asked for', () => {
      check(history, (events) => {
        const known = (at: number): unknown => fold(events.filter(({ occurredAt }) => occurredAt <= at));
        expect(answers(fold(events))).toBe(line((at) => leaf.holds(known(at), at)));
      });
    });

    it('names the next change exactly', () => {
      check(fc.tuple(history, fc.integer({ min: -1, max: END })), ([events, units]) => {
        const state = fold(events);
        const at = timeOf(units);
        const next = leaf.nextChange(state, at);
        expect(next).toBeGreaterThan(at);
        const now = leaf.holds(state, at);
        const probes = Array.from({ length: 2 * END }, (_, index) => at + (index * unitMs) / 2).filter((time) => time < next);
        expect(probes.filter((time) => leaf.holds(state, time) !== now)).toEqual([]);
        if (next !== Number.POSITIVE_INFINITY) expect(leaf.holds(state, next)).toBe(!now);
        expect(leaf.nextChange(state, Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(startMs);
        const { figure } = leaf;
        if (figure === undefined) return;
        const other = figure.next(state, at);
        expect(probes.filter((time) => time < other).map((time) => figure.value(state, time))).toEqual(
          probes.filter((time) => time < other).map(() => figure.value(state, at)),
        );
        if (other !== Number.POSITIVE_INFINITY) expect(figure.value(state, other)).not.toEqual(figure.value(state, at));
      });
    });

    it('answers as before after forgetting what lies behind the horizon, later events and merges included', () => {
      check(fc.tuple(history, fc.nat(END), fc.nat(12)), ([events, units, split]) => {
        const horizon = timeOf(units);
        const old = events.filter(({ occurredAt }) => occurredAt <= horizon);
        const later = events.filter(({ occurredAt }) => occurredAt > horizon);
        const pruned = leaf.prune(fold(old), horizon);
        expect(answers(fold(later, pruned), horizon)).toBe(answers(fold(events), horizon));
        const again = leaf.prune(fold(later.slice(0, split), pruned), horizon);
        expect(answers(leaf.merge(again, fold(later.slice(split))), horizon)).toBe(answers(fold(events), horizon));
      });
    });

    it('is turned from true to false by no event, if it says so', () => {
      if (!leaf.monotone) return;
      check(history, (events) => {
        let state: unknown = leaf.empty;
        for (const each of events) {
          const before = answers(state);
          state = leaf.add(state, each, quiet);
          const after = answers(state);
          expect(times.filter((_, index) => before[index] === 'T' && after[index] !== 'T')).toEqual([]);
        }
      });
    });

    it('keeps plain data, does not touch the state it is given, and names the events of a time', () => {
      check(history, (events) => {
        const state = fold(events);
        const text = JSON.stringify(state);
        expect(JSON.parse(text)).toEqual(state);
        const heard = events.find(
          ({ messageId }) => messageId === leaf.eventAt(state, events[0]?.occurredAt ?? startMs)?.messageId,
        );
        if (heard !== undefined) expect(heard.event).toBe(leaf.eventAt(state, heard.occurredAt)?.event);
        leaf.prune(state, timeOf(END));
        leaf.merge(state, fold(events.slice(0, 2)));
        expect(line((at) => leaf.explain(state, at).holds)).toBe(answers(state));
        expect(JSON.stringify(state)).toBe(text);
      });
    });
  });
}
