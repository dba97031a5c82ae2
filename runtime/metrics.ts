import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { TaskId } from './processor.ts';

/** What a task reports; one set of instruments for a process. */
export interface TaskMetrics {
  records(task: TaskId, direction: 'in' | 'out' | 'rejected', count: number): void;
  counted(task: TaskId, name: string, labels: Readonly<Record<string, string>>, by: number): void;
  /** Records behind the end of the inputs, and how far behind the wall clock the newest one read is, seconds. */
  lag(task: TaskId, records: number, seconds: number): void;
  committed(task: TaskId, seconds: number): void;
  storeBytes(task: TaskId, bytes: number): void;
  /** How far the last restore has come: records and bytes done, offsets and seconds left; 0 left when it is done. */
  restored(task: TaskId, records: number, bytes: number, left: number, secondsLeft: number): void;
  fenced(task: TaskId): void;
  /** The task is taken over afresh: the code of the failure, or STALLED. */
  restarted(task: TaskId, reason: string): void;
  /** How much of what other rules must read again has been read, from 0 to 1, and whether every key has turned to them. */
  revised(task: TaskId, share: number, isTurned: boolean): void;
  /** Tasks of a processor that are here, by state. */
  tasks(processor: string, states: Readonly<Record<string, number>>): void;
}

export const noMetrics: TaskMetrics = {
  records: () => undefined,
  counted: () => undefined,
  lag: () => undefined,
  committed: () => undefined,
  storeBytes: () => undefined,
  restored: () => undefined,
  fenced: () => undefined,
  restarted: () => undefined,
  revised: () => undefined,
  tasks: () => undefined,
};

/** The metrics of tasks on a prom-client registry; names and labels are documented in infra/prometheus. */
export function promTaskMetrics(registry: Registry): TaskMetrics {
  const registers = [registry];
  const task = ['processor', 'partition'] as const;
  const labels = (id: TaskId) => ({ processor: id.processor, partition: String(id.partition) });
  const records = new Counter({
    name: 'freshet_records_total',
    help: 'Records in, out and rejected',
    labelNames: [...task, 'direction'],
    registers,
  });
  const events = new Counter({
    name: 'freshet_processor_events_total',
    help: 'What processors count, by kind',
    labelNames: ['processor', 'kind', 'reason', 'source'],
    registers,
  });
  const lagRecords = new Gauge({ name: 'freshet_lag_records', help: 'Records not yet read', labelNames: task, registers });
  const lagSeconds = new Gauge({
    name: 'freshet_lag_seconds',
    help: 'Age of the last record read while others wait',
    labelNames: task,
    registers,
  });
  const commit = new Histogram({
    name: 'freshet_commit_seconds',
    help: 'Transaction and store write',
    labelNames: ['processor'],
    buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
    registers,
  });
  const store = new Gauge({ name: 'freshet_store_bytes', help: 'Local store, approximate', labelNames: task, registers });
  const restored = new Gauge({
    name: 'freshet_restored_records',
    help: 'Records of the last restore',
    labelNames: task,
    registers,
  });
  const restoredBytes = new Gauge({
    name: 'freshet_restored_bytes',
    help: 'Bytes of the last restore',
    labelNames: task,
    registers,
  });
  const fenced = new Counter({
    name: 'freshet_fenced_total',
    help: 'Tasks lost to another owner',
    labelNames: ['processor'],
    registers,
  });
  const leftRecords = new Gauge({
    name: 'freshet_restore_left_records',
    help: 'Offsets of the changelog that a restore has still to read; 0: done',
    labelNames: task,
    registers,
  });
  const leftSeconds = new Gauge({
    name: 'freshet_restore_left_seconds',
    help: 'How long a restore will still take at its pace so far',
    labelNames: task,
    registers,
  });
  const restarts = new Counter({
    name: 'freshet_task_restarts_total',
    help: 'Tasks taken over afresh, by the code of the failure, or STALLED',
    labelNames: ['processor', 'reason'],
    registers,
  });
  const readAgain = new Gauge({
    name: 'freshet_rules_read_again_ratio',
    help: 'Share of what new rules must read again that has been read; 1: all of it',
    labelNames: task,
    registers,
  });
  const turned = new Gauge({
    name: 'freshet_rules_turned',
    help: '1: every customer of the task has turned to the new rules',
    labelNames: task,
    registers,
  });
  const states = new Gauge({
    name: 'freshet_tasks',
    help: 'Tasks in this process, by state',
    labelNames: ['processor', 'state'],
    registers,
  });
  return {
    records: (id, direction, count) => records.inc({ ...labels(id), direction }, count),
    counted: (id, kind, extra, by) =>
      events.inc({ processor: id.processor, kind, reason: extra['reason'] ?? '', source: extra['source'] ?? '' }, by),
    lag: (id, count, seconds) => {
      lagRecords.set(labels(id), count);
      lagSeconds.set(labels(id), seconds);
    },
    committed: (id, seconds) => commit.observe({ processor: id.processor }, seconds),
    storeBytes: (id, bytes) => store.set(labels(id), bytes),
    restored: (id, count, bytes, left, secondsLeft) => {
      restored.set(labels(id), count);
      restoredBytes.set(labels(id), bytes);
      leftRecords.set(labels(id), left);
      leftSeconds.set(labels(id), secondsLeft);
    },
    fenced: (id) => fenced.inc({ processor: id.processor }),
    revised: (id, share, isTurned) => {
      readAgain.set(labels(id), share);
      turned.set(labels(id), isTurned ? 1 : 0);
    },
    restarted: (id, reason) => restarts.inc({ processor: id.processor, reason }),
    tasks: (processor, counts) => {
      for (const [state, count] of Object.entries(counts)) states.set({ processor, state }, count);
    },
  };
}
