import { compileCel } from '../../schemas/cel.ts';
import { ConfigProblem, type JsonSchema } from '../../schemas/config.ts';
import { textAt } from './event-fields.ts';
import type { LeafEvent, LeafScope, Note } from './operator.ts';

/** Amounts are kept as whole millionths, so that sums are exact and do not depend on the order of addition. */
export const UNIT = 1_000_000;

/** Where the amounts of an event stand. */
export interface AmountFields {
  /** Property that holds a list; each element gives an amount. Without it the event gives one. */
  readonly each?: string;
  /** CEL over `item` (the element, or the properties) and `properties`. */
  readonly value: string;
  readonly currency?: string;
  /** Currency into which amounts of others are converted, by the rates of the event's time. */
  readonly convert_to?: string;
}

export const amountSchemas: Readonly<Record<string, JsonSchema>> = {
  each: {
    type: 'string',
    minLength: 1,
    description: 'Property that holds a list whose elements have the amounts, e.g. products.',
  },
  value: {
    type: 'string',
    minLength: 1,
    description: 'The amount: a CEL expression over `item` (the element of the list, else the properties) and `properties`.',
  },
};

export const currencySchema: JsonSchema = {
  type: 'string',
  pattern: '^([A-Z]{3}|none)$',
  description:
    'Only amounts in this currency, by `currency` of the item or event, e.g. EUR; none: these are not money, add up whatever it says. When left out, amounts of several currencies in one window are an error: the rule does not hold, and says so.',
};

export const convertSchema: JsonSchema = {
  type: 'string',
  pattern: '^[A-Z]{3}$',
  description:
    'Amounts of all currencies in this one, e.g. EUR, by the `rates` of freshet.yaml at the time of the event. An amount without a currency, or without a rate, is left out.',
};

/** One amount of an event, in millionths. */
export interface Amount {
  readonly item: unknown;
  readonly amount: number;
  /** ISO code; undefined if none is told. */
  readonly currency?: string;
}

/** Reads the amounts of an event. What has no amount, or one of another currency than asked for, is left out and noted. */
export function amountsOf(fields: AmountFields, scope: LeafScope): (event: LeafEvent, note: Note) => readonly Amount[] {
  const evaluate = compileCel(fields.value, {
    variables: ['item', 'properties'],
    path: [...scope.path, 'value'],
    timezone: scope.timezone,
  });
  const amountOf = (item: unknown, properties: unknown): number | undefined => {
    try {
      const value = evaluate({ item, properties });
      return typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER / UNIT ? Math.round(value * UNIT) : undefined;
    } catch {
      return undefined;
    }
  };
  const { convert_to: target } = fields;
  const { rates } = scope;
  if (target !== undefined && fields.currency !== undefined)
    throw new ConfigProblem(
      [...scope.path, 'convert_to'],
      'cannot stand beside currency: one counts only it, the other converts',
    );
  if (target !== undefined && rates === undefined)
    throw new ConfigProblem([...scope.path, 'convert_to'], 'expected `rates` in freshet.yaml, there are none');
  return ({ properties, occurredAt }, note) => {
    const listed = fields.each === undefined ? [properties] : properties[fields.each];
    if (!Array.isArray(listed)) {
      note('no-amount');
      return [];
    }
    return (listed as readonly unknown[]).flatMap((item) => {
      const amount = amountOf(item, properties);
      const told = (textAt(item, 'currency') ?? textAt(properties, 'currency'))?.trim().toUpperCase();
      if (amount === undefined) note('no-amount');
      else if (target !== undefined) {
        const converted = told === undefined ? undefined : rates?.convert(amount, told, target, occurredAt);
        if (converted !== undefined) return { item, amount: converted };
        note('no-rate');
      } else if (fields.currency === undefined) return told === undefined ? { item, amount } : { item, amount, currency: told };
      else if (fields.currency === 'none' || fields.currency === told) return { item, amount };
      else note('other-currency');
      return [];
    });
  };
}

/** What a rule says that found amounts of several currencies. */
export function sayMixed(currencies: Iterable<string>): string {
  const all = [...currencies].map((each) => (each === '' ? 'no currency' : each)).sort();
  return `amounts in ${all.join(' and ')} cannot be taken together: name the currency that counts`;
}
