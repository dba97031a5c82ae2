import { ConfigProblem } from '../../../schemas/config.ts';
import { durationSchema } from '../../../schemas/duration.ts';
import { objectSchema } from '../../../schemas/schema-parts.ts';
import { eventName, pathSchema, textAt, valueAt } from '../event-fields.ts';
import { logLeaf, spanwise, type LogState } from '../log-leaf.ts';
import type { Leaf, LeafScope, Operator } from '../operator.ts';
import { firstAfter, type Entry } from '../sorted-log.ts';
import { spanOf } from '../window.ts';

interface InStockConfig {
  readonly of: readonly string[];
  readonly key: string;
  readonly within: string;
  readonly told_by: string;
  readonly value: string;
  readonly above: number;
  readonly below?: number;
  readonly margin?: { readonly per_hour: number };
}

/** What the customer did with a thing, or what was told of it. */
interface Seen extends Entry {
  readonly k: string;
  /** The figure told, and as of when it holds; neither where the customer did something. */
  readonly v?: number;
  readonly a?: number;
  /** Of a figure that stands for those before it as well: whether it was there just before. */
  readonly s?: boolean;
}

type Span = readonly [from: number, until: number];
const HOUR = 3_600_000;
const ever = Number.POSITIVE_INFINITY;

/** Whether something that the customer wants is there, by figures that age. */
export const inStock: Operator = {
  name: 'in_stock',
  schema: objectSchema(
    'A thing that the customer had to do with is there: more than so much of it is told, and less counts the older the figure is. Figures come as events, made of a reference table.',
    {
      of: { type: 'array', minItems: 1, items: eventName, description: 'Events by which the customer has to do with a thing.' },
      key: pathSchema('Which thing; the same in these events and in what is told.'),
      within: durationSchema('How long after the last of these events it matters.'),
      told_by: { ...eventName, description: 'The event that tells the figure; its `as_of` says as of when, else its time.' },
      value: pathSchema('The figure.'),
      above: { type: 'number', description: 'It is there once more than this is left.' },
      below: {
        type: 'number',
        description: 'It is there no more once less than this is left; as `above` when left out, so that it may flicker.',
      },
      margin: objectSchema(
        'What may have gone since the figure was true.',
        {
          per_hour: {
            type: 'number',
            minimum: 0,
            description: 'So much is taken off for each hour of its age: how fast it sells.',
          },
        },
        ['per_hour'],
      ),
    },
    ['of', 'key', 'within', 'told_by', 'value', 'above'],
  ),
  compile: (config, scope) => compileInStock(config as InStockConfig, scope),
};

function compileInStock(config: InStockConfig, scope: LeafScope): Leaf<LogState<Seen>> {
  const { key, value, above, told_by: toldBy } = config;
  const below = config.below ?? above;
  const perHour = config.margin?.per_hour ?? 0;
  if (below > above) throw new ConfigProblem([...scope.path, 'below'], `expected at most above (${above}), found ${below}`);
  if (config.of.includes(toldBy)) throw new ConfigProblem([...scope.path, 'told_by'], 'expected an event that is not in of');
  const of = [...new Set(config.of)].sort();
  const within = spanOf(config.within, 'within', scope);
  const left = ({ v = 0, a = 0 }: Seen, at: number): number => v - (perHour * Math.max(0, at - a)) / HOUR;
  /** The first moment at which less than `below` is left of a figure. */
  const runsOut = ({ v = 0, a = 0 }: Seen): number => {
    if (v < below) return Number.NEGATIVE_INFINITY;
    return perHour === 0 ? ever : Math.floor(a + ((v - below) * HOUR) / perHour) + 1;
  };
  const isTold = (entry: Seen): boolean => entry.v !== undefined;

  /** Spans in which a thing is there, by the figures told of it, in order; and whether it was just before the last of them. */
  const there = (told: readonly Seen[]): { spans: readonly Span[]; before: boolean } => {
    const spans: Span[] = [];
    let was = false;
    let before = false;
    for (const [index, one] of told.entries()) {
      before = one.s ?? was;
      const next = told[index + 1]?.t ?? ever;
      const isThere: boolean = left(one, one.t) > above || (before && left(one, one.t) >= below);
      const until: number = isThere ? Math.min(next, runsOut(one)) : one.t;
      if (until > one.t) spans.push([one.t, until]);
      was = isThere && until === next;
    }
    return { spans, before };
  };
  const wanted = (done: readonly Seen[]): readonly Span[] => done.map(({ t }) => [t, t + within] as const);
  const both = (ones: readonly Span[], others: readonly Span[]): readonly Span[] =>
    ones.flatMap(([from, until]) =>
      others.flatMap(([start, end]): Span[] => {
        const span: Span = [Math.max(from, start), Math.min(until, end)];
        return span[1] > span[0] ? [span] : [];
      }),
    );

  return logLeaf<Seen>({
    meaning: {
      in_stock: { of, key, within, told_by: toldBy, value, above, below, per_hour: perHour },
    },
    events: [...of, toldBy],
    read: ({ event, occurredAt, properties }) => {
      const k = textAt(properties, key);
      if (k === undefined) return undefined;
      if (event !== toldBy) return of.includes(event) ? { k } : undefined;
      const v = valueAt(properties, value);
      const asOf = valueAt(properties, 'as_of');
      const a = typeof asOf === 'number' ? Math.min(asOf, occurredAt) : occurredAt;
      return typeof v === 'number' ? { k, v, a } : undefined;
    },
    truth: (log) => ({
      holds: (at) => spansOf(log, at, false).some(([from, until]) => from <= at && at < until),
      next: (at) => spanwise(spansOf(log, at, true)).next(at),
    }),
    keep: (log, horizon) => {
      const cut = firstAfter(log, horizon);
      const later = log.slice(cut);
      const old = byKey(log.slice(0, cut));
      const kept: Seen[] = [];
      for (const entries of old.values()) {
        const done = entries.filter((entry) => !isTold(entry));
        const last = done.at(-1);
        if (last !== undefined && last.t + within > horizon) kept.push(last);
        const told = entries.filter(isTold);
        const newest = told.at(-1);
        if (newest === undefined) continue;
        kept.push(told.length === 1 ? newest : { ...newest, s: there(told).before });
      }
      if (kept.length === cut) return log;
      return [...kept.sort((a, b) => a.t - b.t || (a.id < b.id ? -1 : 1)), ...later];
    },
    named: (entry) => (isTold(entry) ? toldBy : (of[0] ?? '')),
    explain: (log, at, holds) => {
      const things = [...byKey(log).values()];
      const because = things.flatMap((entries) => {
        const last = entries.findLast((entry) => !isTold(entry));
        const figure = entries.findLast(isTold);
        return last !== undefined && figure !== undefined && last.t + within > at ? [last, figure] : [];
      });
      const left = holds ? `more than ${above} of a thing wanted` : `not enough of anything wanted`;
      return {
        says: `${left} is there, by figures less ${perHour} for each hour of their age`,
        because: because.sort((a, b) => a.t - b.t),
      };
    },
  });

  /** Spans in which a thing is wanted and there. `ahead`: with what will become of it if nothing more comes. */
  function spansOf(log: readonly Seen[], at: number, ahead: boolean): readonly Span[] {
    const known = ahead ? log : log.slice(0, firstAfter(log, at));
    return [...byKey(known).values()].flatMap((entries) => {
      const done = entries.filter((entry) => !isTold(entry));
      return done.length === 0 ? [] : both(wanted(done), there(entries.filter(isTold)).spans);
    });
  }
}

function byKey(log: readonly Seen[]): ReadonlyMap<string, readonly Seen[]> {
  const groups = new Map<string, Seen[]>();
  for (const entry of log) {
    const group = groups.get(entry.k);
    if (group) group.push(entry);
    else groups.set(entry.k, [entry]);
  }
  return groups;
}
