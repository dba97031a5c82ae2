import { compileCondition } from '../../../schemas/cel.ts';
import { eventName, objectSchema } from '../event-fields.ts';
import type { Leaf, LeafScope, Operator } from '../operator.ts';
import { entryAt, firstAfter, insert, union, type Entry } from '../sorted-log.ts';
import { holdsAt, nextFlip, type Steps } from '../steps.ts';

interface TraitConfig {
  readonly where: string;
  readonly from?: readonly string[];
}

type Traits = Readonly<Record<string, unknown>>;

interface Told extends Entry {
  readonly e: number;
  readonly v: Traits;
}

interface TraitState {
  readonly log: readonly Told[];
}

/** What customers, or systems of ours, have told about them. The newest value by event time counts. */
export const trait: Operator = {
  name: 'trait',
  schema: objectSchema(
    'A condition on the traits of the customer.',
    {
      where: {
        type: 'string',
        minLength: 1,
        description:
          'CEL over `traits`, e.g. traits.plan == "gold". Where it cannot be answered since a trait is missing, it does not hold.',
      },
      from: { type: 'array', minItems: 1, items: eventName, description: 'Events whose traits count; Identify when left out.' },
    },
    ['where'],
  ),
  compile: (config, scope) => compileTrait(config as TraitConfig, scope),
};

function compileTrait({ where, from }: TraitConfig, scope: LeafScope): Leaf<TraitState> {
  const names = [...new Set(from ?? ['Identify'])].sort();
  const path = [...scope.path, 'where'];
  const holds = compileCondition(where, { variables: ['traits'], path, timezone: scope.timezone });
  const used = usedTraits(where);
  const picked = (traits: Traits): Traits =>
    used === undefined ? traits : Object.fromEntries(Object.entries(traits).filter(([name]) => used.has(name)));

  const steps = ({ log }: TraitState): Steps => {
    const times = function* (): Generator<readonly [number, boolean]> {
      let traits: Traits = {};
      for (const { t, v } of log) {
        traits = overlay(traits, v);
        yield [t, holds({ traits })];
      }
    };
    return { initial: holds({ traits: {} }), steps: lastOfEach(times()) };
  };

  return {
    meaning: { trait: { where, from: names } },
    events: names,
    monotone: false,
    empty: { log: [] },
    add: (state, event) => {
      const e = names.indexOf(event.event);
      const v = picked(event.traits);
      if (e < 0 || Object.keys(v).length === 0) return state;
      const log = insert(state.log, { t: event.occurredAt, id: event.messageId, e, v });
      return log === state.log ? state : { log };
    },
    merge: (one, other) => ({ log: union(one.log, other.log) }),
    prune: (state, horizon) => {
      const old = state.log.slice(0, firstAfter(state.log, horizon));
      const kept = newestOnly(old);
      return kept === old ? state : { log: [...kept, ...state.log.slice(old.length)] };
    },
    holds: (state, at) => holdsAt(steps(state), at),
    nextChange: (state, at) => nextFlip(steps(state), at),
    eventAt: (state, at) => {
      const entry = entryAt(state.log, at);
      return entry && { messageId: entry.id, event: names[entry.e] ?? '' };
    },
    explain: (state, at) => {
      const told = newestOnly(state.log.slice(0, firstAfter(state.log, at)));
      const truth = holdsAt(steps(state), at);
      return {
        holds: truth,
        says: `${where} ${truth ? 'holds' : 'does not hold'}`,
        events: told.map(({ t, id }) => ({ messageId: id, occurredAt: t })),
      };
    },
  };
}

/** The traits with newer ones over them; null takes one away. */
function overlay(traits: Traits, newer: Traits): Traits {
  const all = { ...traits, ...newer };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null && value !== undefined));
}

/** Of several events at one time all count before the answer is given. */
function* lastOfEach(steps: Iterable<readonly [number, boolean]>): Generator<readonly [number, boolean]> {
  let pending: readonly [number, boolean] | undefined;
  for (const step of steps) {
    if (pending !== undefined && pending[0] !== step[0]) yield pending;
    pending = step;
  }
  if (pending !== undefined) yield pending;
}

/** The log without values that a later entry replaces; the same reference if there are none. */
function newestOnly(log: readonly Told[]): readonly Told[] {
  const replaced = new Set<string>();
  const kept: Told[] = [];
  let changed = false;
  for (const entry of log.toReversed()) {
    const left = Object.entries(entry.v).filter(([name]) => !replaced.has(name));
    for (const [name] of left) replaced.add(name);
    changed ||= left.length < Object.keys(entry.v).length;
    if (left.length > 0) kept.push({ ...entry, v: Object.fromEntries(left) });
  }
  return changed ? kept.toReversed() : log;
}

/** Names of the traits that an expression reads; undefined when it uses them in a way that does not tell. */
function usedTraits(expression: string): ReadonlySet<string> | undefined {
  const uses = [...expression.matchAll(/\btraits\b/g)].length;
  const named = [...expression.matchAll(/\btraits(?:\.\??([A-Za-z_]\w*)|\[(["'])([^"'\\]*)\2\])/g)];
  return named.length < uses ? undefined : new Set(named.map((match) => match[1] ?? match[3] ?? ''));
}
