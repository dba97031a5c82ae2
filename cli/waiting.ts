import { Gauge, type Registry } from 'prom-client';
import { segmentClock } from '../processors/evaluate-segments/clocks.ts';
import { MEMBERSHIPS, type Memberships } from '../processors/evaluate-segments/membership.ts';
import { HELD, type Held } from '../processors/plan-activations/held.ts';
import { TICK } from '../runtime/processor.ts';
import { type Overdue, overdueIn } from '../runtime/state/overdue.ts';
import type { Store } from '../runtime/state/store.ts';
import type { Reach } from '../runtime/watermarks/contract.ts';
import type { SourceConfig } from '../schemas/config.ts';
import type { Waiting } from '../services/views.ts';
import type { Workspace } from '../workspace/load.ts';
import { CUSTOMERS } from './topology.ts';

/** So many are looked at for each task and clock; where there are more, the count says that there are at least so many. */
const LOOKED_AT = 500;
/** What is decided within so long of its time, beyond the lateness of its sources, waits for nobody. Milliseconds. */
const OWN_TIME_MS = 3000;

/** What is asked of a worker. */
export interface WatchedWorker {
  readonly processor: { readonly name: string };
  status(): readonly { readonly partition: number; readonly watermarks: Readonly<Record<string, Reach>> }[];
  task(partition: number): { readonly view: Store | undefined } | undefined;
}

export interface WaitingViewOptions {
  readonly pipeline: { readonly workers: readonly WatchedWorker[]; readonly progress: { readonly tick: number } };
  readonly segments: Workspace['segments'];
  readonly sources: readonly SourceConfig[];
}

/**
 * Who waits for which source: decisions whose time has passed by the brokers' clock and the lateness of their sources, but not by
 * what has been seen of these, and messages that are held until their facts are fresh. Of the tasks in this process.
 */
export function waitingView({ pipeline, segments, sources }: WaitingViewOptions): () => readonly Waiting[] {
  const clockOf = new Map(segments.map((segment) => [segment.name, segmentClock(segment, sources).name]));
  const latenessOf = new Map(sources.map(({ name, latenessMs }) => [name, latenessMs]));
  return () => {
    const { tick } = pipeline.progress;
    const sum = new Map<string, { -readonly [K in keyof Waiting]: Waiting[K] }>();
    const add = (one: Pick<Waiting, 'source' | 'kind' | 'rule' | 'since'>): void => {
      const key = `${one.source} ${one.kind} ${one.rule}`;
      const known = sum.get(key);
      if (known === undefined) sum.set(key, { ...one, count: 1, atLeast: false });
      else Object.assign(known, { count: known.count + 1, since: Math.min(known.since, one.since) });
    };
    const worker = pipeline.workers.find(({ processor }) => processor.name === CUSTOMERS);
    for (const { partition, watermarks } of worker?.status() ?? []) {
      const store = worker?.task(partition)?.view;
      if (store === undefined) continue;
      const latest = (source: string): number => tick - (latenessOf.get(source) ?? 0) - OWN_TIME_MS;
      const between = (clock: string): { after: number; until: number } | undefined => {
        const names = clock.split('+');
        if (clock === TICK) return undefined;
        const after = Math.min(...names.map((name) => reached(watermarks[name])));
        return { after, until: Math.min(...names.map(latest)) };
      };
      const found = overdueIn(store, between, LOOKED_AT);
      for (const each of found) for (const one of waitingOf(each, watermarks, clockOf)) add(one);
      for (const [clock, count] of countBy(found.map((each) => each.clock)))
        if (count >= LOOKED_AT) for (const one of sum.values()) one.atLeast ||= clock.split('+').includes(one.source);
    }
    return [...sum.values()].sort((a, b) => a.since - b.since || (a.rule < b.rule ? -1 : 1));
  };
}

function reached(reach: Reach | undefined): number {
  if (reach === undefined) return Number.NEGATIVE_INFINITY;
  return reach.ended ? Number.POSITIVE_INFINITY : reach.at;
}

/** What a part waits for: of several sources the one that is furthest behind. */
function waitingOf(
  { part, clock, at, value }: Overdue,
  watermarks: Readonly<Record<string, Reach>>,
  clockOf: ReadonlyMap<string, string>,
): Pick<Waiting, 'source' | 'kind' | 'rule' | 'since'>[] {
  const [source] = clock.split('+').sort((a, b) => reached(watermarks[a]) - reached(watermarks[b]));
  if (source === undefined) return [];
  if (part === `plan-activations/${HELD}`)
    return (value as readonly Held[])
      .filter(({ waitsFor }) => waitsFor.some((due) => due.clock === clock && due.at === at))
      .map(({ activation, decidedAt }) => ({ source, kind: 'message', rule: activation, since: decidedAt }));
  if (part !== `evaluate-segments/${MEMBERSHIPS}`) return [];
  return Object.entries((value as Memberships).of).flatMap(([segment, { next }]) =>
    clockOf.get(segment) === clock && next === at ? [{ source, kind: 'decision' as const, rule: segment, since: at }] : [],
  );
}

function countBy(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** The same as metrics: how many wait for which source by rule, and for how long the first of them. */
export function waitingMetrics(registry: Registry, waiting: () => readonly Waiting[], now: () => number): void {
  const registers = [registry];
  const labelNames = ['source', 'kind', 'rule'] as const;
  const count = new Gauge({
    name: 'freshet_source_waiting',
    help: 'Decisions and messages that wait for a source, by rule',
    labelNames,
    registers,
    collect: () => {
      count.reset();
      for (const { source, kind, rule, count: many } of waiting()) count.set({ source, kind, rule }, many);
    },
  });
  const seconds = new Gauge({
    name: 'freshet_source_waiting_seconds',
    help: 'For how long the first decision or message that waits for a source has waited',
    labelNames,
    registers,
    collect: () => {
      seconds.reset();
      for (const { source, kind, rule, since } of waiting())
        seconds.set({ source, kind, rule }, Math.max(0, now() - since) / 1000);
    },
  });
}
