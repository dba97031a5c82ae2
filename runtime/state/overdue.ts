import { HintIndex } from './hints.ts';
import { dataKey, decodeCell } from './layout.ts';
import type { Store } from './store.ts';

/** A part that wants to be woken, and has not been. */
export interface Overdue {
  readonly key: string;
  readonly part: string;
  readonly clock: string;
  /** The moment that it asked for. */
  readonly at: number;
  readonly value: unknown;
}

/**
 * Parts whose moment lies between where their clock stands and where it might be, earliest first, at most `limit` for each
 * clock: read-only, and as old as the store. `between` is undefined for clocks that nobody asks about.
 */
export function overdueIn(
  store: Store,
  between: (clock: string) => { readonly after: number; readonly until: number } | undefined,
  limit: number,
): readonly Overdue[] {
  const hints = new HintIndex(store, 't');
  return [...hints.names()].flatMap((clock) => {
    const range = between(clock);
    if (range === undefined) return [];
    return hints.page(clock, range.until, limit).flatMap(({ id, at }) => {
      const bytes = at > range.after ? store.get(dataKey(id)) : undefined;
      const cell = bytes === undefined ? undefined : decodeCell(bytes);
      const end = id.indexOf('\0');
      if (!cell?.due.some((due) => due.clock === clock && due.at === at)) return [];
      return [{ key: id.slice(0, end), part: id.slice(end + 1), clock, at, value: cell.value }];
    });
  });
}
