import { ConfigProblem } from '../../../schemas/config.ts';
import { durationSchema, formatDuration } from '../../../schemas/duration.ts';
import { objectSchema } from '../../../schemas/schema-parts.ts';
import { eventName, pathSchema, selected, selectorSchema, textAt, whereSchema, type EventSelector } from '../event-fields.ts';
import { logLeaf, spanwise, type LogState } from '../log-leaf.ts';
import type { Leaf, LeafScope, Operator } from '../operator.ts';
import { firstAfter, type Entry } from '../sorted-log.ts';
import { meaningOfSpan, spanOf } from '../window.ts';

type Step = string | { readonly event: string; readonly where?: string; readonly within?: string };

interface SequenceConfig {
  readonly steps: readonly Step[];
  readonly within?: string;
  readonly without?: readonly EventSelector[];
  readonly same?: string;
  readonly for?: string;
}

interface Seen extends Entry {
  /** Indices of the steps that it can be. */
  readonly s: readonly number[];
  /** Index among those that must not lie between, if it is one of them. */
  readonly x?: number;
  /** Value of the property that ties events together. */
  readonly v?: string;
}

/** The first steps of a sequence, taken by these events. */
type Chain = readonly Seen[];

/** Events that happened in a given order. */
export const sequence: Operator = {
  name: 'sequence',
  schema: objectSchema(
    'Events in this order, each later than the one before; others may lie between.',
    {
      steps: {
        type: 'array',
        minItems: 2,
        maxItems: 10,
        description: 'The events.',
        items: {
          description: 'The name of an event, or {event, where, within}',
          anyOf: [
            { type: 'string', minLength: 1 },
            objectSchema(
              'A step.',
              { event: eventName, where: whereSchema, within: durationSchema('At most so long after the step before.') },
              ['event'],
            ),
          ],
        },
      },
      within: durationSchema('From the first to the last at most so long; any time when left out.'),
      without: {
        type: 'array',
        minItems: 1,
        items: selectorSchema('Must not lie between the first and the last.'),
        description: 'Events that must not lie between the first step and the last.',
      },
      same: pathSchema('Only events with the same value of this property belong together, e.g. those of one cart.'),
      for: durationSchema('How long this holds after the last step; ever when left out.'),
    },
    ['steps'],
  ),
  compile: (config, scope) => compileSequence(config as SequenceConfig, scope),
};

function compileSequence(config: SequenceConfig, scope: LeafScope): Leaf<LogState<Seen>> {
  const { same } = config;
  const at = (...path: (string | number)[]): LeafScope => ({ ...scope, path: [...scope.path, ...path] });
  const steps = config.steps.map((step, index) => {
    const { within, ...selector } =
      typeof step === 'string' ? { event: step, within: undefined } : { within: undefined, ...step };
    if (index === 0 && within !== undefined)
      throw new ConfigProblem([...scope.path, 'steps', 0, 'within'], 'the first step follows none');
    return { ...selected(selector, at('steps', index)), within: spanOf(within, 'within', at('steps', index)) };
  });
  const without = (config.without ?? []).map((each, index) => selected(each, at('without', index)));
  const within = spanOf(config.within, 'within', scope);
  const lasting = spanOf(config.for, 'for', scope);
  const bound = Math.min(
    within,
    steps.slice(1).reduce((total, step) => total + step.within, 0),
  );
  const last = steps.length - 1;

  /** Goes through the events of one value; tells each that completes the sequence. Returns, by step, the chains that may go on. */
  const walk = (log: readonly Seen[], complete: (chain: Chain) => void): Chain[][] => {
    const open: Chain[][] = steps.map(() => []);
    for (let from = 0; from < log.length;) {
      const { t } = log[from] as Seen;
      let to = from;
      while (log[to]?.t === t) to++;
      const together = log.slice(from, to);
      const found: [step: number, chain: Chain][] = [];
      for (const entry of together) {
        for (const step of entry.s) {
          if (step === 0) found.push([0, [entry]]);
          else for (const chain of open[step - 1] ?? []) if (goesOn(chain, step, t)) found.push([step, [...chain, entry]]);
        }
      }
      if (together.some(({ x }) => x !== undefined)) for (const chains of open) chains.length = 0;
      for (const [step, chain] of found) {
        if (step === last) complete(chain);
        // Once a forbidden event of this time is there, only what begins now can go on.
        else if (step === 0 || !together.some(({ x }) => x !== undefined)) keepBest(open[step] as Chain[], chain);
      }
      from = to;
    }
    return open;
  };
  const goesOn = (chain: Chain, step: number, t: number): boolean =>
    t - (chain.at(-1) as Seen).t <= (steps[step]?.within ?? 0) && t - (chain[0] as Seen).t <= within;
  /** Of chains that end now, the one that began last can do whatever the others can. */
  const keepBest = (open: Chain[], chain: Chain): void => {
    const start = (each: Chain): number => (each[0] as Seen).t;
    for (let index = open.length - 1; index >= 0 && start(open[index] as Chain) <= start(chain); index--) open.splice(index, 1);
    if (open.every((each) => start(each) > start(chain) && end(each) < end(chain))) open.push(chain);
  };
  const end = (chain: Chain): number => (chain.at(-1) as Seen).t;
  /** The log of each value; events without one that must not lie between count for all. */
  const byValue = (log: readonly Seen[]): readonly (readonly Seen[])[] => {
    if (same === undefined) return [log];
    const values = new Set(log.flatMap(({ v }) => v ?? []));
    return [...values].map((value) =>
      log.flatMap((each) =>
        each.v === value ? [each] : each.v === undefined && each.x !== undefined ? [{ ...each, s: [] }] : [],
      ),
    );
  };
  const completions = (log: readonly Seen[]): Chain[] => {
    const found: Chain[] = [];
    for (const each of byValue(log)) walk(each, (chain) => found.push(chain));
    return found;
  };

  return logLeaf<Seen>({
    meaning: {
      sequence: {
        steps: steps.map(({ meaning, within }) => ({ of: meaning, within: meaningOfSpan(within) })),
        within: meaningOfSpan(within),
        without: without.length === 0 ? undefined : without.map(({ meaning }) => meaning),
        same,
        for: meaningOfSpan(lasting),
      },
    },
    events: [...steps, ...without].map(({ of }) => of),
    monotone: without.length === 0,
    reach: bound + lasting,
    read: (event) => {
      const s = steps.flatMap(({ chosen }, index) => (chosen(event) ? [index] : []));
      const x = without.findIndex(({ chosen }) => chosen(event));
      const v = same === undefined ? undefined : textAt(event.properties, same);
      if ((s.length === 0 || (same !== undefined && v === undefined)) && x < 0) return undefined;
      return { s: same !== undefined && v === undefined ? [] : s, ...(x < 0 ? {} : { x }), ...(v === undefined ? {} : { v }) };
    },
    truth: (log) => spanwise(completions(log).map((chain) => [end(chain), end(chain) + lasting])),
    keep: (log, horizon) => {
      const sliding = bound + lasting;
      if (sliding !== Number.POSITIVE_INFINITY) {
        const from = firstAfter(log, horizon - sliding - 1);
        return from === 0 ? log : log.slice(from);
      }
      const old = log.slice(0, firstAfter(log, horizon));
      const needed = new Set<string>();
      for (const each of byValue(old)) {
        let done: Chain | undefined;
        const open = walk(each, (chain) => {
          done = chain;
        });
        const links = new Set([...open.flat(), done ?? []].flatMap((chain) => chain.map(({ id }) => id)));
        for (const id of [...links, ...barriers(each, links)]) needed.add(id);
      }
      return needed.size === old.length ? log : [...old.filter(({ id }) => needed.has(id)), ...log.slice(old.length)];
    },
    named: ({ s, x }) => (s[0] === undefined ? undefined : steps[s[0]]?.of) ?? without[x ?? -1]?.of ?? '',
    explain: (log, _, holds) => {
      const names = steps.map(({ of }) => of).join(', then ');
      const chain = completions(log).at(-1);
      const span = within === Number.POSITIVE_INFINITY ? '' : ` within ${formatDuration(within)}`;
      return { says: `${holds ? '' : 'not '}${names}${span}`, because: chain ?? log.slice(-1) };
    },
  });
}

/** Of the events that must not lie between, those that part the links as all of them do. */
function* barriers(log: readonly Seen[], links: ReadonlySet<string>): Generator<string> {
  let before: Seen | undefined;
  let latest: Seen | undefined;
  for (const entry of log) {
    if (entry.x !== undefined) {
      if (latest !== undefined && latest.t < entry.t) before = latest;
      latest = entry;
    }
    if (!links.has(entry.id)) continue;
    if (latest !== undefined) yield latest.id;
    if (before !== undefined) yield before.id;
  }
  if (latest !== undefined) yield latest.id;
}
