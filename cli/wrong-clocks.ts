import type { Registry } from 'prom-client';
import type { Log } from '../runtime/environment.ts';
import type { WrongClock } from '../services/views.ts';

const kinds: Readonly<Record<string, WrongClock['kind']>> = { 'future-clamped': 'future', 'skew-corrected': 'skew' };

/** Says the same of a source at most so often, milliseconds. */
const REPEAT_MS = 60_000;

/** The events of each source whose claim of a time was not believed, as the tasks of this process have counted them. */
export async function wrongClocks(metrics: Registry): Promise<readonly WrongClock[]> {
  const counts = new Map<string, WrongClock>();
  const events = await metrics.getSingleMetric('freshet_processor_events_total')?.get();
  for (const { labels, value } of events?.values ?? []) {
    const { kind: counted, reason = '', source = '' } = labels as Readonly<Record<string, string>>;
    const kind = counted === 'flagged' ? kinds[reason] : undefined;
    if (kind === undefined || value === 0) continue;
    const key = `${source} ${kind}`;
    counts.set(key, { source, kind, count: (counts.get(key)?.count ?? 0) + value });
  }
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
}

/** In words, of one source. */
export function clockInWords({ kind, count }: Pick<WrongClock, 'kind' | 'count'>): string {
  const events = count === 1 ? '1 event' : `${count} events`;
  return kind === 'future' ? `${events} of the future, set back` : `${events} by a clock that is wrong, put right`;
}

/** Warns in the log of every source that tells of the future, when there is more of it, and at most once a minute. */
export function clockAlerts(log: Log): (clocks: readonly WrongClock[], now: number) => void {
  const told = new Map<string, { readonly count: number; readonly at: number }>();
  return (clocks, now) => {
    for (const { source, kind, count } of clocks) {
      const last = told.get(source) ?? { count: 0, at: Number.NEGATIVE_INFINITY };
      if (kind !== 'future' || count === last.count || now - last.at < REPEAT_MS) continue;
      told.set(source, { count, at: now });
      log('warn', 'events of the future', { source, events: count - last.count });
    }
  };
}
