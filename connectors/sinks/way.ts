import { readHops } from '../../runtime/hops.ts';
import type { ActivationRequest, Hop } from '../../schemas/generated/types.ts';

/** How a request came to its sink. */
export interface Way {
  readonly hops: readonly Hop[];
  /** When the last hop before the sink handed it on; undefined: its record does not say. */
  readonly handedOnAt: number | undefined;
}

/**
 * The way of the proof, which ends where the decision begins, and on from there by the header of the record: whoever decided is
 * a hop too. Where the passing of time decided, or the message had been held, the header begins anew: no hop took that time.
 */
export function wayOf({ proof: { hops } }: Pick<ActivationRequest, 'proof'>, header: string | undefined): Way {
  const stamps = readHops(header);
  const handedOnAt = stamps.at(-1)?.at;
  const last = hops.at(-1);
  const same = stamps[hops.length - 1];
  if (last === undefined || same === undefined || same.hop !== last.hop || same.at !== last.at) return { hops, handedOnAt };
  let before = last.at;
  const on = stamps.slice(hops.length).map(({ hop, at }): Hop => {
    const ms = Math.max(0, at - before);
    before = at;
    return { hop, at, ms };
  });
  return { hops: [...hops, ...on], handedOnAt };
}
