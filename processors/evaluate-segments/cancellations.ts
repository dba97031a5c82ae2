import type { Amounts } from './amounts.ts';
import { inOrder, type Entry } from './sorted-log.ts';

/** An event with its amounts by key. */
export interface Line extends Entry {
  readonly k: Amounts;
}

/**
 * Purchases in a window, less what was cancelled of them: a cancellation takes its amount from the newest purchase with the same
 * key at or before it, what is more from the one before that, and so on.
 */
export class OpenPurchases {
  readonly #byKey = new Map<string, { readonly line: Line; left: number }[]>();
  readonly #expired = new Set<string>();
  /** What is left of the purchases in the window. */
  total = 0;

  buy(line: Line): void {
    for (const [key, amount] of line.k) {
      const open = this.#byKey.get(key);
      if (open === undefined) this.#byKey.set(key, [{ line, left: amount }]);
      else open.push({ line, left: amount });
      this.total += amount;
    }
  }

  expire(line: Line): void {
    this.#expired.add(line.id);
    for (const [key] of line.k) for (const open of this.#byKey.get(key) ?? []) if (open.line === line) this.total -= open.left;
  }

  /** Returns the part of the amount for which no purchase in the window was found. */
  cancel(line: Line): number {
    let unmatched = 0;
    for (const [key, amount] of line.k) {
      let wanted = Math.abs(amount);
      const open = this.#byKey.get(key) ?? [];
      for (let index = open.length - 1; index >= 0 && wanted > 0; index--) {
        const purchase = open[index];
        if (purchase === undefined || this.#expired.has(purchase.line.id)) break;
        const taken = Math.min(Math.max(purchase.left, 0), wanted);
        purchase.left -= taken;
        wanted -= taken;
        this.total -= taken;
      }
      unmatched += wanted;
    }
    return unmatched;
  }
}

/** Purchases and cancellations in the order in which they count: at equal times purchases come first. */
export function inCancelOrder(
  bought: readonly Line[],
  cancelled: readonly Line[],
): readonly { readonly t: number; readonly id: string; readonly line: Line; readonly cancels: boolean }[] {
  const all = [
    ...bought.map((line) => ({ t: line.t, id: line.id, line, cancels: false })),
    ...cancelled.map((line) => ({ t: line.t, id: line.id, line, cancels: true })),
  ];
  return all.sort((one, other) => one.t - other.t || Number(one.cancels) - Number(other.cancels) || inOrder(one, other));
}
