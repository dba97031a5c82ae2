import type { Registry } from 'prom-client';
import type { HopStatus, Snapshot, Status, SnapshotView, Told, Waiting, Walk, WrongClock } from '../services/views.ts';
import type { RunningSink } from '../connectors/sinks/run-sink.ts';
import type { Worker } from '../runtime/worker.ts';
import { topics } from '../schemas/topics.ts';
import { problemsOf } from './health.ts';
import type { Pipeline } from './pipeline.ts';
import type { Down } from './tear-down.ts';
import { wrongClocks } from './wrong-clocks.ts';

export interface WalkViewOptions {
  readonly pipeline: Pipeline;
  readonly sinks: ReadonlyMap<string, RunningSink>;
  readonly metrics: Registry;
  readonly status: () => Status;
  readonly waiting: () => readonly Waiting[];
  readonly story: () => readonly Told[];
  /** Hears once a second whose clocks were not believed. */
  readonly onClocks: (clocks: readonly WrongClock[], now: number) => void;
  readonly now: () => number;
}

/** What is counted and measured, without what is told of it. */
export type Figures = Omit<Snapshot, 'story'>;

/** Rates are taken over this long, milliseconds. */
const WINDOW_MS = 5000;

/** The walk as this process sees it: its own workers and gateway, from the same counters as /metrics. */
export function walkView({
  pipeline,
  sinks,
  metrics,
  status,
  waiting,
  story,
  onClocks,
  now,
}: WalkViewOptions): SnapshotView & { figures(): Figures; refresh(): Promise<void> } {
  const samples: { at: number; counts: ReadonlyMap<string, number> }[] = [];
  let counts: ReadonlyMap<string, number> = new Map();
  let waits: readonly Waiting[] = [];
  let clocks: readonly WrongClock[] = [];
  const rate = (name: string): number => {
    const oldest = samples[0];
    const newest = samples.at(-1);
    if (!oldest || !newest || newest.at === oldest.at) return 0;
    return (((newest.counts.get(name) ?? 0) - (oldest.counts.get(name) ?? 0)) * 1000) / (newest.at - oldest.at);
  };
  const hops = (): HopStatus[] => {
    const gateway: HopStatus = {
      hop: 'gateway',
      reads: null,
      perSecond: rate('gateway:in'),
      waiting: null,
      lagMs: null,
      rejected: counts.get('gateway:rejected') ?? 0,
    };
    const processors = pipeline.workers.map((worker) => {
      const { processor } = worker;
      const tasks = worker.status();
      const waiting = tasks.reduce((sum, task) => sum + task.lagRecords, 0);
      // Behind is only who has something waiting; the oldest of its tasks counts.
      const behind = tasks
        .filter((task) => task.lagRecords > 0 && task.newestAt !== undefined)
        .map((task) => now() - (task.newestAt ?? 0));
      return {
        hop: processor.name,
        reads: processor.inputs[0]?.name ?? null,
        perSecond: rate(`${processor.name}:in`),
        waiting,
        lagMs: Math.max(0, ...behind),
        rejected: counts.get(`${processor.name}:rejected`) ?? 0,
        ...troubleOf(worker),
        ...awayOf(pipeline.down.get(processor.name), now()),
      };
    });
    const last = [...sinks].map(([hop, sink]): HopStatus => {
      const { waiting, lagMs } = sink.status();
      return { hop, reads: topics.activationsRequested.name, perSecond: rate(`${hop}:in`), waiting, lagMs, rejected: 0 };
    });
    return [gateway, ...processors, ...last];
  };
  const walk = (): Walk => {
    const list = hops();
    const first = list.find(({ hop }) => hop !== 'gateway');
    return {
      at: now(),
      events: counts.get(`${first?.hop}:in`) ?? 0,
      perSecond: rate(`${first?.hop}:in`),
      lagMs: list.reduce((most, { lagMs }) => Math.max(most, lagMs ?? 0), 0),
      hops: list,
    };
  };
  const figures = (): Figures => ({ walk: walk(), status: status(), waiting: waits, clocks });
  return {
    refresh: async () => {
      waits = waiting();
      clocks = await wrongClocks(metrics);
      onClocks(clocks, now());
      const finished = [...sinks].map(([hop, sink]) => [`${hop}:in`, sink.status().finished] as const);
      counts = new Map([...(await readCounts(metrics)), ...finished]);
      samples.push({ at: now(), counts });
      while (samples.length > 2 && (samples[1]?.at ?? 0) < now() - WINDOW_MS) samples.shift();
    },
    figures,
    snapshot: () => ({ ...figures(), story: story() }),
  };
}

/** Of a processor that was killed: what waits for it, and for how long. */
function awayOf(down: Down | undefined, now: number): Partial<HopStatus> {
  if (down === undefined) return {};
  const lagMs = Math.max(0, now - down.since);
  return { waiting: down.waiting, lagMs, trouble: `killed ${Math.round(lagMs / 1000)} s ago` };
}

/** What readiness would say, in one line. */
function troubleOf(worker: Worker): { trouble?: string } {
  const problems = problemsOf(worker);
  return problems.length === 0 ? {} : { trouble: problems.map(({ what, why }) => `${what}: ${why}`).join('; ') };
}

async function readCounts(metrics: Registry): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const add = (name: string, by: number): void => void counts.set(name, (counts.get(name) ?? 0) + by);
  const records = await metrics.getSingleMetric('freshet_records_total')?.get();
  for (const { labels, value } of records?.values ?? []) {
    const { processor, direction } = labels as Readonly<Record<string, string>>;
    add(`${processor}:${direction}`, value);
  }
  for (const direction of ['accepted', 'rejected'] as const) {
    const events = await metrics.getSingleMetric(`freshet_gateway_events_${direction}_total`)?.get();
    for (const { value } of events?.values ?? []) add(direction === 'accepted' ? 'gateway:in' : 'gateway:rejected', value);
  }
  return counts;
}
