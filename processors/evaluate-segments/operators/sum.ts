import { amountSchemas, currencySchema } from '../amounts.ts';
import { objectSchema } from '../../../schemas/schema-parts.ts';
import { eventName, pathSchema, whereSchema } from '../event-fields.ts';
import { compileFigure, figureSchemas, limitSchemas, type FigureConfig, type FigureKind } from '../figure.ts';
import { compileNetSum, type NetSumConfig } from '../net-sum.ts';
import type { Operator } from '../operator.ts';

const added: FigureKind = {
  name: 'sum',
  description: '',
  figure: 'the sum',
  running: () => {
    let total = 0;
    return {
      add: ({ a }) => {
        total += a;
      },
      remove: ({ a }) => {
        total -= a;
      },
      read: () => total,
    };
  },
  combine: (one, other) => one + other,
  monotone: (comparison) => comparison === 'at_least' || comparison === 'more_than',
};

/** The sum of amounts in a window, or ever; less the amounts that later events cancel. */
export const sum: Operator = {
  name: 'sum',
  schema: objectSchema(
    'A sum over events: within a time before now, in a period of the calendar, or ever.',
    {
      ...figureSchemas,
      minus: objectSchema(
        'Events that cancel: each takes its amount, whatever its sign, from the newest earlier one with the same key and currency, what is more from the one before.',
        {
          of: eventName,
          where: whereSchema,
          ...amountSchemas,
          currency: currencySchema,
          match: pathSchema('Property of the item that says which belong together.'),
        },
        ['of', 'value', 'match'],
      ),
      ...limitSchemas('the sum'),
    },
    ['of', 'value'],
  ),
  compile: (config, scope) => {
    const { minus } = config as Partial<NetSumConfig>;
    return minus === undefined
      ? compileFigure(added, config as FigureConfig, scope)
      : compileNetSum(config as NetSumConfig, scope);
  },
};
