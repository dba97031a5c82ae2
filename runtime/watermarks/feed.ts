import type { ClaimWriter } from './claims.ts';
import type { Feed, SourceClock } from './contract.ts';
import type { ProgressTable } from './progress.ts';
import { FEED } from './stages.ts';

export interface FeedOptions {
  /** Unique among the feeds of the deployment. */
  readonly instance: string;
  /** Sources that this feed vouches for. */
  readonly sources: readonly SourceClock[];
  readonly progress: ProgressTable;
  readonly claims: ClaimWriter;
  /** Between two claims. Default 200 ms. */
  readonly intervalMs?: number;
}

interface Epoch {
  /** Tick that was read when the epoch ended; undefined while it lasts. */
  until: number | undefined;
  open: number;
}

/**
 * Vouches for sources: claims tick a once every request that was received before it read tick a has been answered.
 * Requests are counted by epochs that end whenever a newer tick has been read.
 */
export function openFeed(options: FeedOptions): Feed & { readonly advance: () => void } {
  const { instance, sources, progress, claims } = options;
  const isVouched = ({ liveness }: SourceClock): boolean =>
    liveness.kind === 'heartbeat' || (liveness.kind === 'batch' && liveness.vouched);
  const vouched = sources.filter(isVouched).map(({ source }) => source);
  const epochs: Epoch[] = [{ until: undefined, open: 0 }];
  const stated = new Map<string, number>();
  let claimed = Number.NEGATIVE_INFINITY;

  const advance = (): void => {
    const current = epochs[epochs.length - 1];
    const tick = progress.tick;
    if (current && tick > claimed && tick > (epochs[epochs.length - 2]?.until ?? claimed)) {
      current.until = tick;
      epochs.push({ until: undefined, open: 0 });
    }
    let reached = claimed;
    while (epochs[0] && epochs[0].open === 0 && epochs[0].until !== undefined) reached = epochs.shift()?.until ?? reached;
    // Also when it has not moved: to be heard of is to live. The value carries the sign, so the record is sent.
    if (reached > claimed) {
      claimed = reached;
      for (const source of vouched) claims.claim({ stage: FEED, task: instance, source, at: claimed, sign: claimed });
    }
  };
  const timer = setInterval(() => {
    if (vouched.length > 0) claims.tick();
    advance();
  }, options.intervalMs ?? 200);
  timer.unref();

  return {
    advance,
    begin: () => {
      const epoch = epochs[epochs.length - 1];
      if (!epoch) return () => undefined;
      epoch.open += 1;
      let ended = false;
      return () => {
        if (ended) return;
        ended = true;
        epoch.open -= 1;
      };
    },
    state: (source, upTo) => {
      const ended = upTo === Number.POSITIVE_INFINITY;
      if (!ended) stated.set(source, upTo);
      const at = stated.get(source) ?? Number.NEGATIVE_INFINITY;
      claims.claim({ stage: FEED, task: instance, source, at, ended });
    },
    close: async () => {
      clearInterval(timer);
      for (const source of vouched) claims.retire(FEED, instance, source);
      await claims.flush();
    },
  };
}
