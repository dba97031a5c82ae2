import { compileCel } from '../../schemas/cel.ts';
import type { LeafEvent, LeafScope, Note } from './operator.ts';
import { textAt } from './event-fields.ts';

/** Amounts are kept as whole millionths, so that sums are exact and do not depend on the order of addition. */
export const UNIT = 1_000_000;

/** Where the amounts of an event stand. */
export interface AmountFields {
  /** Property that holds a list; each element gives an amount. Without it the event gives one. */
  readonly each?: string;
  /** CEL over `item` (the element, or the properties) and `properties`. */
  readonly value: string;
}

/** Amounts of one event by their key, in millionths. */
export type Amounts = readonly (readonly [key: string, amount: number])[];

/** By which key amounts belong together: a property of the item. Items without it have the empty key, or do not count. */
export interface AmountKey {
  readonly match: string;
  readonly needed: boolean;
}

/** Reads the amounts of an event. What has no amount, or not the key it needs, is left out and noted. */
export function amountsOf(
  fields: AmountFields,
  by: AmountKey | undefined,
  scope: LeafScope,
): (event: LeafEvent, note: Note) => Amounts {
  const evaluate = compileCel(fields.value, {
    variables: ['item', 'properties'],
    path: [...scope.path, 'value'],
    timezone: scope.timezone,
  });
  const amount = (item: unknown, properties: unknown): number | undefined => {
    try {
      const value = evaluate({ item, properties });
      return typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER / UNIT ? Math.round(value * UNIT) : undefined;
    } catch {
      return undefined;
    }
  };
  return ({ properties }, note) => {
    const listed = fields.each === undefined ? [properties] : properties[fields.each];
    if (!Array.isArray(listed)) {
      note('no-amount');
      return [];
    }
    const byKey = new Map<string, number>();
    for (const item of listed as readonly unknown[]) {
      const found = by === undefined ? undefined : textAt(item, by.match);
      const key = found ?? (by?.needed === true ? undefined : '');
      const value = amount(item, properties);
      if (key === undefined || value === undefined) note('no-amount');
      else byKey.set(key, (byKey.get(key) ?? 0) + value);
    }
    return [...byKey].sort(([one], [other]) => (one < other ? -1 : 1));
  };
}
