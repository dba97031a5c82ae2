import { compileCondition } from '../../../schemas/cel.ts';
import { ConfigProblem } from '../../../schemas/config.ts';
import { durationSchema, formatDuration } from '../../../schemas/duration.ts';
import { objectSchema } from '../../../schemas/schema-parts.ts';
import { eventName } from '../event-fields.ts';
import { logLeaf, spanwise, stepwise, type LogState, type Truth } from '../log-leaf.ts';
import { matcherOf, matcherSchemas } from '../matcher.ts';
import type { Leaf, LeafScope, Operator } from '../operator.ts';
import { firstAfter } from '../sorted-log.ts';
import { newestOnly, traitLine, usedTraits, type Told } from '../traits.ts';
import { matching } from '../values.ts';
import { spanOf } from '../window.ts';

interface Changed {
  readonly within: string;
  readonly from?: unknown;
  readonly to?: unknown;
}

interface TraitConfig extends Readonly<Record<string, unknown>> {
  readonly where?: string;
  readonly name?: string;
  readonly changed?: Changed;
  readonly from?: readonly string[];
}

/** A condition on the traits, ready to be asked. */
interface Condition {
  readonly meaning: Readonly<Record<string, unknown>>;
  readonly says: string;
  /** Traits that it reads; undefined: it may be any. */
  readonly used: ReadonlySet<string> | undefined;
  /** How long a replaced value still matters, milliseconds. */
  readonly looksBack: number;
  readonly truth: (log: readonly Told[]) => Truth;
}

const value = {
  description: 'a text, a number, true or false',
  anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }],
};

/** What customers, or systems of ours, have told about them. The newest value by event time counts. */
export const trait: Operator = {
  name: 'trait',
  schema: objectSchema(
    'A condition on the traits of the customer: where, or name with one condition on its value.',
    {
      where: {
        type: 'string',
        minLength: 1,
        description:
          'CEL over `traits`, e.g. traits.plan == "gold". Where it cannot be answered since a trait is missing, it does not hold.',
      },
      name: { type: 'string', minLength: 1, description: 'Name of one trait.' },
      ...matcherSchemas,
      changed: objectSchema(
        'The trait took another value, not long ago. Its first value is no change.',
        {
          within: durationSchema('At most so long ago.'),
          from: { ...value, description: 'It was this before.' },
          to: { ...value, description: 'It became this.' },
        },
        ['within'],
      ),
      from: { type: 'array', minItems: 1, items: eventName, description: 'Events whose traits count; Identify when left out.' },
    },
    [],
  ),
  compile: (config, scope) => compileTrait(config as TraitConfig, scope),
};

function compileTrait(config: TraitConfig, scope: LeafScope): Leaf<LogState<Told>> {
  const names = [...new Set(config.from ?? ['Identify'])].sort();
  const condition = conditionOf(config, scope);
  const { used } = condition;
  return logLeaf<Told>({
    meaning: { trait: { ...condition.meaning, from: names } },
    events: names,
    read: (event) => {
      const e = names.indexOf(event.event);
      const v =
        used === undefined ? event.traits : Object.fromEntries(Object.entries(event.traits).filter(([name]) => used.has(name)));
      return e < 0 || Object.keys(v).length === 0 ? undefined : { e, v };
    },
    truth: condition.truth,
    keep: (log, horizon) => {
      const old = log.slice(0, firstAfter(log, horizon - condition.looksBack));
      const kept = newestOnly(old);
      return kept === old ? log : [...kept, ...log.slice(old.length)];
    },
    named: ({ e }) => names[e] ?? '',
    explain: (log, _, holds) => ({ says: `${condition.says} ${holds ? 'holds' : 'does not hold'}`, because: newestOnly(log) }),
  });
}

function conditionOf(config: TraitConfig, scope: LeafScope): Condition {
  const { where, name, changed } = config;
  if ((where === undefined) === (name === undefined)) throw new ConfigProblem(scope.path, 'expected either where or name');
  if (where !== undefined) return whereCondition(where, config, scope);
  if (changed !== undefined) return changedCondition(name ?? '', changed, config, scope);
  const matcher = matcherOf(config, scope);
  return {
    meaning: { name, ...matcher.meaning },
    says: `trait ${name ?? ''} ${matcher.says}`,
    used: new Set([name ?? '']),
    looksBack: 0,
    truth: (log) =>
      matching(
        traitLine(log).map(({ t, value }) => ({ t, value: value[name ?? ''] })),
        matcher,
      ),
  };
}

/** No other condition may stand beside the one given. */
function alone(field: string, config: TraitConfig, scope: LeafScope): void {
  const stray = [...Object.keys(matcherSchemas), 'changed'].find((each) => each !== field && config[each] !== undefined);
  if (stray !== undefined) throw new ConfigProblem([...scope.path, stray], `expected either this or ${field}`);
}

function whereCondition(where: string, config: TraitConfig, scope: LeafScope): Condition {
  alone('where', config, scope);
  const path = [...scope.path, 'where'];
  const holds = compileCondition(where, { variables: ['traits'], path, timezone: scope.timezone });
  const truth = (log: readonly Told[]): Truth =>
    stepwise(() => ({
      initial: holds({ traits: {} }),
      steps: traitLine(log).map(({ t, value }) => [t, holds({ traits: value })] as const),
    }));
  return { meaning: { where }, says: where, used: usedTraits(where), looksBack: 0, truth };
}

function changedCondition(name: string, changed: Changed, config: TraitConfig, scope: LeafScope): Condition {
  alone('changed', config, scope);
  const within = spanOf(changed.within, 'within', { ...scope, path: [...scope.path, 'changed'] });
  const is = (wanted: unknown, found: unknown): boolean => wanted === undefined || wanted === found;
  const truth = (log: readonly Told[]): Truth => {
    const line = traitLine(log).map(({ t, value }) => ({ t, value: value[name] }));
    const spans = line.flatMap(({ t, value }, index): (readonly [number, number])[] => {
      const before = line[index - 1]?.value;
      const other = before !== undefined && JSON.stringify(before) !== JSON.stringify(value);
      return other && is(changed.from, before) && is(changed.to, value) ? [[t, t + within]] : [];
    });
    return spanwise(spans);
  };
  return {
    meaning: { name, changed: { within, from: changed.from, to: changed.to } },
    says: `trait ${name} changed within ${formatDuration(within)}`,
    used: new Set([name]),
    looksBack: within,
    truth,
  };
}
