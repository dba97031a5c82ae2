/** Bytes held by one request. */
export interface Reservation {
  /** False when there is no room; nothing is then taken. */
  grow(bytes: number): boolean;
  shrink(bytes: number): void;
  /** Gives back all that is held. */
  release(): void;
}

/** A bound on the bytes that all requests hold together. */
export interface Budget {
  readonly used: number;
  readonly full: boolean;
  reserve(): Reservation;
}

/** A budget of `limit` bytes. */
export function createBudget(limit: number): Budget {
  let used = 0;
  return {
    get used() {
      return used;
    },
    get full() {
      return used >= limit;
    },
    reserve: () => {
      let held = 0;
      const shrink = (bytes: number): void => {
        held -= bytes;
        used -= bytes;
      };
      return {
        grow: (bytes) => {
          if (used + bytes > limit) return false;
          held += bytes;
          used += bytes;
          return true;
        },
        shrink,
        release: () => shrink(held),
      };
    },
  };
}
