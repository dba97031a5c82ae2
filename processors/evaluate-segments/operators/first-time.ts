import { formatDuration } from '../../../schemas/duration.ts';
import { objectSchema } from '../../../schemas/schema-parts.ts';
import { chooser, eventName, whereSchema } from '../event-fields.ts';
import { logLeaf, spanwise } from '../log-leaf.ts';
import type { Operator } from '../operator.ts';
import type { Entry } from '../sorted-log.ts';
import { meaningOfSpan, spanOf, withinSchema } from '../window.ts';

interface FirstTimeConfig {
  readonly of: string;
  readonly where?: string;
  readonly within?: string;
}

/** The first of its kind happened, not long ago. Its state is one event. */
export const firstTime: Operator = {
  name: 'first_time',
  schema: objectSchema(
    'The customer did something for the first time ever.',
    {
      of: eventName,
      where: whereSchema,
      within: { ...withinSchema, description: 'At most so long ago; ever when left out. A duration.' },
    },
    ['of'],
  ),
  compile: (config, scope) => {
    const { of, where, within: span } = config as FirstTimeConfig;
    const within = spanOf(span, 'within', scope);
    const chosen = chooser({ of, ...(where === undefined ? {} : { where }) }, scope);
    return logLeaf<Entry>({
      meaning: { first_time: { of, where, within: meaningOfSpan(within) } },
      events: [of],
      monotone: within === Number.POSITIVE_INFINITY,
      read: (event) => (chosen(event) ? {} : undefined),
      reduce: (log) => log.slice(0, 1),
      truth: (log) => spanwise(log.slice(0, 1).map(({ t }) => [t, t + within])),
      keep: (log) => log,
      named: () => of,
      explain: (log, at) => ({
        says: log[0] === undefined ? `no ${of} ever` : `first ${of} ${formatDuration(at - log[0].t)} ago`,
        because: log,
      }),
    });
  },
};
