import { durationSchema, formatDuration } from '../../../schemas/duration.ts';
import { objectSchema } from '../../../schemas/schema-parts.ts';
import { chooser, eventName, whereSchema } from '../event-fields.ts';
import { logLeaf, spanwise } from '../log-leaf.ts';
import type { Operator } from '../operator.ts';
import { firstAfter, type Entry } from '../sorted-log.ts';
import { spanOf } from '../window.ts';

interface StoppedConfig {
  readonly of: string;
  readonly where?: string;
  readonly for: string;
  readonly at_least: number;
  readonly within: string;
}

/** Somebody who did something often does it no more. */
export const stopped: Operator = {
  name: 'stopped',
  schema: objectSchema(
    'The customer did something often, and has not done it for a while.',
    {
      of: eventName,
      where: whereSchema,
      for: durationSchema('How long he has not done it.'),
      at_least: { type: 'integer', minimum: 1, description: 'How often he did it before.' },
      within: durationSchema('In what time before he stopped, his last time included.'),
    },
    ['of', 'for', 'at_least', 'within'],
  ),
  compile: (config, scope) => {
    const given = config as StoppedConfig;
    const { of, where, at_least: often } = given;
    const quiet = spanOf(given.for, 'for', scope);
    const within = spanOf(given.within, 'within', scope);
    const chosen = chooser({ of, ...(where === undefined ? {} : { where }) }, scope);
    return logLeaf<Entry>({
      meaning: { stopped: { of, where, for: quiet, at_least: often, within } },
      events: [of],
      read: (event) => (chosen(event) ? {} : undefined),
      truth: (log) =>
        spanwise(
          log.flatMap(({ t }, index): (readonly [number, number])[] => {
            const next = log[index + 1]?.t ?? Number.POSITIVE_INFINITY;
            const first = log[index + 1 - often];
            return first !== undefined && first.t > t - within ? [[t + quiet, next]] : [];
          }),
        ),
      keep: (log, horizon) => {
        const old = firstAfter(log, horizon);
        const newest = log[old - 1];
        if (newest === undefined) return log;
        // The newest may be the last there is; the next one looks back from later.
        const needed = log.slice(firstAfter(log, newest.t - within), old);
        return [...needed.slice(-often), ...log.slice(old)];
      },
      named: () => of,
      explain: (log, at, holds) => {
        const last = log.at(-1);
        const ago = last === undefined ? 'never' : `last ${formatDuration(at - last.t)} ago`;
        return { says: holds ? `${of} no more: ${ago}` : `${of}: ${ago}, or never often enough`, because: log.slice(-often) };
      },
    });
  },
};
