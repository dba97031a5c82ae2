/** A client's clock is believed if it is off by less than this: correcting what is only the network's delay would disturb the order. */
const leastSkewMs = 5_000;
/** More than this is no clock that goes wrong but a call that was kept and sent again with its first `sentAt`. */
const mostSkewMs = 24 * 3_600_000;
/** How far ahead of the broker's clock an event may claim to be. */
const toleranceMs = 5_000;

export interface Claimed {
  /** When it happened, by the source; null: not said. */
  readonly occurredAt: number | null;
  /** When it happened, by the clock of the device that sent it; null: not said. */
  readonly deviceAt: number | null;
  /** When the call left, by the same clock; null: not said, or not to be used. */
  readonly sentAt: number | null;
  readonly receivedAt: number;
  /** Append time of the raw record: the broker's clock. */
  readonly appendedAt: number;
}

/**
 * When it happened, in epoch milliseconds, and what was done to the claim. As the Segment specification has it, the difference of
 * receivedAt and sentAt corrects the client's clock, if it lies between 5 seconds and 24 hours. Nothing has happened later than
 * 5 seconds after the raw record was appended: an event from the future moves no clock.
 */
export function occurrence(claimed: Claimed): { readonly occurredAt: number; readonly flags: readonly string[] } {
  const flags: string[] = [];
  let at = claimed.occurredAt ?? claimed.receivedAt;
  const skew = claimed.sentAt === null ? 0 : claimed.receivedAt - claimed.sentAt;
  if (claimed.deviceAt !== null && Math.abs(skew) >= leastSkewMs && Math.abs(skew) <= mostSkewMs) {
    at = claimed.deviceAt + skew;
    flags.push('skew-corrected');
  }
  const latest = claimed.appendedAt + toleranceMs;
  if (at > latest) {
    at = latest;
    flags.push('future-clamped');
  }
  return { occurredAt: Math.max(0, at), flags };
}
