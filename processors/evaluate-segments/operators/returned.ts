import { durationSchema, formatDuration } from '../../../schemas/duration.ts';
import { objectSchema } from '../../../schemas/schema-parts.ts';
import { chooser, eventName, whereSchema } from '../event-fields.ts';
import { logLeaf, spanwise } from '../log-leaf.ts';
import type { Operator } from '../operator.ts';
import { firstAfter, type Entry } from '../sorted-log.ts';
import { meaningOfSpan, spanOf } from '../window.ts';

interface ReturnedConfig {
  readonly of: string;
  readonly where?: string;
  readonly after: string;
  readonly for?: string;
}

interface Done extends Entry {
  /** When he had come back last before this; of the oldest entry, whose predecessors are forgotten. */
  readonly r?: number;
}

/** Somebody did again what he had not done for long. */
export const returned: Operator = {
  name: 'returned',
  schema: objectSchema(
    'The customer did something again after a long while without it.',
    {
      of: eventName,
      where: whereSchema,
      after: durationSchema('How long he had not done it, at least.'),
      for: durationSchema('How long this holds after his return; until he is away so long again when left out.'),
    },
    ['of', 'after'],
  ),
  compile: (config, scope) => {
    const given = config as ReturnedConfig;
    const { of, where } = given;
    const after = spanOf(given.after, 'after', scope);
    const lasting = spanOf(given.for, 'for', scope);
    const chosen = chooser({ of, ...(where === undefined ? {} : { where }) }, scope);
    /** Of each return its time, and the time of the last event before he was away again. */
    const returns = (log: readonly Done[]): { readonly at: number; last: number; readonly entry: Done }[] => {
      const found: { at: number; last: number; entry: Done }[] = [];
      for (const [index, entry] of log.entries()) {
        const before = log[index - 1];
        const spell = found.at(-1);
        if (before === undefined && entry.r !== undefined) found.push({ at: entry.r, last: entry.t, entry });
        else if (before !== undefined && entry.t - before.t >= after) found.push({ at: entry.t, last: entry.t, entry });
        else if (spell !== undefined) spell.last = entry.t;
      }
      return found;
    };
    return logLeaf<Done>({
      meaning: { returned: { of, where, after, for: meaningOfSpan(lasting) } },
      events: [of],
      read: (event) => (chosen(event) ? {} : undefined),
      truth: (log) => spanwise(returns(log).map(({ at, last }) => [at, Math.min(at + lasting, last + after)])),
      keep: (log, horizon) => {
        const old = log.slice(0, firstAfter(log, horizon));
        const newest = old.at(-1);
        if (newest === undefined || old.length === 1) return log;
        const spell = returns(old).at(-1);
        const { t, id } = newest;
        return [spell === undefined ? { t, id } : { t, id, r: spell.at }, ...log.slice(old.length)];
      },
      named: () => of,
      explain: (log) => {
        const last = returns(log).at(-1);
        return {
          says: last === undefined ? `no ${of} after ${formatDuration(after)} without one` : `came back with ${of}`,
          because: last === undefined ? log.slice(-1) : [last.entry],
        };
      },
    });
  },
};
