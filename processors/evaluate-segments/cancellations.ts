import { inOrder, type Entry } from './sorted-log.ts';

/** Amounts of one event by their key, in millionths, with their currency if one is told. */
export type Keyed = readonly (readonly [key: string, amount: number, currency?: string])[];

/** An event with its amounts by key. */
export interface Line extends Entry {
  readonly k: Keyed;
}

/**
 * Purchases in a window, less what was cancelled of them: a cancellation takes its amount from the newest purchase with the same
 * key at or before it, what is more from the one before that, and so on.
 */
export class OpenPurchases {
  readonly #byKey = new Map<string, { readonly line: Line; readonly currency: string | undefined; left: number }[]>();
  readonly #expired = new Set<string>();
  /** What is left of the purchases in the window. */
  total = 0;
  /** How many amounts there are in the window by currency; '' stands for none. */
  readonly currencies = new Map<string, number>();

  buy(line: Line): void {
    for (const [key, amount, currency] of line.k) {
      const open = this.#byKey.get(key);
      const bought = { line, currency, left: amount };
      if (open === undefined) this.#byKey.set(key, [bought]);
      else open.push(bought);
      this.total += amount;
      this.#count(currency, 1);
    }
  }

  expire(line: Line): void {
    this.#expired.add(line.id);
    for (const [key, , currency] of line.k) {
      this.#count(currency, -1);
      for (const open of this.#byKey.get(key) ?? [])
        if (open.line === line && open.currency === currency) this.total -= open.left;
    }
  }

  #count(currency: string | undefined, by: number): void {
    const name = currency ?? '';
    const times = (this.currencies.get(name) ?? 0) + by;
    if (times > 0) this.currencies.set(name, times);
    else this.currencies.delete(name);
  }

  /** A currency that is told must be that of the purchase. Returns the part of the amount for which no purchase in the window was found. */
  cancel(line: Line): number {
    let unmatched = 0;
    for (const [key, amount, currency] of line.k) {
      let wanted = Math.abs(amount);
      const open = this.#byKey.get(key) ?? [];
      for (let index = open.length - 1; index >= 0 && wanted > 0; index--) {
        const purchase = open[index];
        if (purchase === undefined || this.#expired.has(purchase.line.id)) break;
        if (currency !== undefined && purchase.currency !== undefined && currency !== purchase.currency) continue;
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
