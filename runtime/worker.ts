import type { Environment } from './environment.ts';
import type { GroupMember } from './kafka/contract.ts';
import { type Processor, REVISION, type TaskId } from './processor.ts';
import { howFar } from './revision-times.ts';
import { tpKey } from './record.ts';
import { failureOf } from './failures.ts';
import type { RestoreProgress } from './restore.ts';
import { Task, type TaskOptions, type TaskState } from './task.ts';
import { PATIENCE_MS, Watchdog } from './watchdog.ts';
import { Adopter } from './watermarks/adopter.ts';
import type { Reach, SourceClock } from './watermarks/contract.ts';
import { stageClaim } from './watermarks/stages.ts';

export interface WorkerOptions extends TaskOptions {
  readonly environment: Environment;
  readonly processor: Processor;
  /** Number of tasks of every processor: the deployment's partition count. */
  readonly tasks: number;
  readonly sources: readonly SourceClock[];
  readonly sessionTimeoutMs?: number;
  /** Name of this process in its groups, the same after a restart. */
  readonly instanceId?: string | undefined;
  /** Tasks whose stores are on this machine from before: this process would rather have these. */
  readonly stored?: readonly number[];
  /** How long a task may do nothing though records wait, or stand still before it is tried again, milliseconds; default a minute. */
  readonly patienceMs?: number;
}

/** joining: not yet told which tasks are ours. lost: the group holds us to be gone; tasks go on until they are fenced. */
export type Membership = 'joining' | 'member' | 'lost';

export interface TaskStatus {
  readonly partition: number;
  readonly state: TaskState;
  readonly lagRecords: number;
  /** Broker or create time of the newest record processed; undefined before the first. */
  readonly newestAt: number | undefined;
  readonly watermarks: Readonly<Record<string, Reach>>;
  /** How far the restore has come; undefined while there is none. */
  readonly restoring: RestoreProgress | undefined;
  /** Why it is not at work, and what to do about it. */
  readonly failure: string | undefined;
  /** How often in a row it was restarted since nothing came of its work. */
  readonly stalls: number;
}

const LAG_EVERY_MS = 1000;
const FENCED_PAUSE_MS = 3000;
const GROUP_OFFSETS_EVERY_MS = 5000;
/** Looks follow each other more closely than this, as long as the process runs. */
const SLEPT_MS = 15_000;
/** A task that is torn down gets this long to let go of what it holds before the next one begins. */
const LET_GO_MS = 5000;

/** Runs the tasks of one processor that the consumer group gives to this process. */
export class Worker {
  readonly processor: Processor;
  readonly #options: WorkerOptions;
  readonly #tasks = new Map<number, { task: Task; done: Promise<void> }>();
  readonly #lag = new Map<number, number>();
  /** Tasks whose stores are here: of earlier runs, and of this one. */
  readonly #stored: Set<number>;
  readonly #watchdogs = new Map<number, Watchdog>();
  readonly #member: GroupMember;
  readonly #adopter: Adopter;
  readonly #stopping = new AbortController();
  #stopWatching: () => void = () => undefined;
  #timers: NodeJS.Timeout[] = [];
  #wanted = new Set<number>();
  #assigned: () => void = () => undefined;
  #membership: Membership = 'joining';
  #measuring = false;
  #measuredAt = performance.now();
  #refused: Error | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { environment, processor, tasks, sources } = options;
    this.processor = processor;
    this.#stored = new Set(options.stored);
    const first = processor.inputs[0];
    this.#member = environment.kafka.member({
      group: environment.names.group(processor.name),
      topic: environment.names.topic(first?.name ?? ''),
      tasks,
      instanceId: options.instanceId,
      owned: () => [...this.#stored],
      onAssignment: (assigned) => this.#assign(assigned),
      onLost: (reason) => {
        this.#membership = 'lost';
        environment.log('warn', 'group membership lost', { processor: processor.name, reason: reason.message });
      },
      ...(options.sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs: options.sessionTimeoutMs }),
    });
    this.#adopter = new Adopter({
      admin: environment.kafka.admin,
      progress: environment.progress,
      tasks: () => this.#running(),
      upstream: () => upstreamClaims(environment, processor, tasks, sources),
      onError: (error) =>
        environment.log('warn', 'ends of inputs cannot be asked for', { processor: processor.name, message: messageOf(error) }),
    });
  }

  /** Joins the group and resolves once it has told which tasks are ours. */
  async start(): Promise<void> {
    const assigned = new Promise<void>((resolve) => (this.#assigned = resolve));
    const { environment } = this.#options;
    this.#stopWatching = environment.progress.onChange(() => {
      this.#adopter.poke();
      for (const task of this.#running()) task.wake();
    });
    this.#timers = [
      setInterval(() => void this.#look(), LAG_EVERY_MS),
      setInterval(() => void this.#tellGroup(), GROUP_OFFSETS_EVERY_MS),
    ];
    for (const timer of this.#timers) timer.unref();
    await this.#member.start();
    await assigned;
  }

  /** Finishes the transactions at hand, closes stores, leaves the group. */
  async stop(): Promise<void> {
    this.#stopWatching();
    for (const timer of this.#timers) clearInterval(timer);
    await this.#tellGroup();
    this.#wanted = new Set();
    this.#stopping.abort();
    const held = [...this.#tasks.values()];
    for (const { task } of held) task.stop();
    await Promise.all(held.map(({ done }) => done));
    await this.#member.stop();
    await this.#adopter.settled();
  }

  /** The task of a partition, if it is here and at work. */
  task(partition: number): Task | undefined {
    const task = this.#tasks.get(partition)?.task;
    return task?.state === 'running' ? task : undefined;
  }

  status(): TaskStatus[] {
    return [...this.#tasks.values()].map(({ task }) => {
      const newest = task.inputs?.newest;
      const { failure, state } = task;
      return {
        partition: task.id.partition,
        state,
        lagRecords: this.#lag.get(task.id.partition) ?? 0,
        newestAt: newest === undefined || newest === Number.NEGATIVE_INFINITY ? undefined : newest,
        watermarks: task.watermarks.snapshot(),
        restoring: task.restoring,
        failure: failure === undefined || state === 'running' ? undefined : `${messageOf(failure)}: ${failureOf(failure).advice}`,
        stalls: this.#watchdogs.get(task.id.partition)?.stalls ?? 0,
      };
    });
  }

  get membership(): Membership {
    return this.#membership;
  }

  /** Milliseconds since this worker last came to the end of a round of looking after its tasks; rounds follow each other. */
  get silentForMs(): number {
    return performance.now() - this.#measuredAt;
  }

  /** Stops every task for good, since what it works on is not what it was: `reason` says what to do. */
  refuse(reason: Error): void {
    if (this.#refused) return;
    this.#refused = reason;
    const { environment, processor } = this.#options;
    environment.log('error', 'processor has stopped', { processor: processor.name, reason: reason.message });
    for (const { task } of this.#tasks.values()) task.stop();
  }

  /** Why it takes nothing any more, if so. */
  get refused(): Error | undefined {
    return this.#refused;
  }

  *#running(): Generator<Task> {
    for (const { task } of this.#tasks.values()) if (task.state === 'running') yield task;
  }

  #assign(assigned: readonly number[]): void {
    this.#membership = 'member';
    this.#wanted = new Set(assigned);
    for (const [partition, { task }] of this.#tasks) {
      if (this.#wanted.has(partition)) continue;
      task.stop();
      if (task.state === 'failed') this.#forget(partition);
    }
    for (const partition of assigned) this.#open(partition);
    this.#assigned();
  }

  /** Starts a task, or waits until its predecessor has let go of the store. */
  #open(partition: number): void {
    if (this.#tasks.has(partition) || this.#refused) return;
    const { environment, processor, crash } = this.#options;
    this.#stored.add(partition);
    const task = new Task(environment, processor, partition, crash ? { crash } : {});
    const done = task.run().then(async () => {
      if (task.state === 'failed') {
        if (failureOf(task.failure).remedy === 'stop') return;
        await this.#giveWay(this.#options.patienceMs ?? PATIENCE_MS);
      }
      // Fenced although the group says it is ours: a zombie, or the coordinator timed our transaction out. Give way first.
      if (task.state === 'fenced') await this.#giveWay(FENCED_PAUSE_MS);
      if (this.#tasks.get(partition)?.task !== task) return;
      this.#forget(partition);
      if (this.#wanted.has(partition)) this.#open(partition);
    });
    this.#tasks.set(partition, { task, done });
  }

  #forget(partition: number): void {
    this.#tasks.delete(partition);
    this.#lag.delete(partition);
  }

  /** Tears a task down that does not move, whatever it waits for, and lets another take its place. */
  async #replace(partition: number, { task, done }: { task: Task; done: Promise<void> }): Promise<void> {
    const { environment, processor } = this.#options;
    const what = { task: `${processor.name}-${partition}`, waiting: this.#lag.get(partition) ?? 0 };
    environment.log('error', 'task has stalled and is restarted', what);
    environment.metrics.restarted(task.id, 'STALLED');
    task.stop();
    const gone = Promise.allSettled([done, task.close()]);
    await Promise.race([gone, this.#giveWay(LET_GO_MS)]);
    if (this.#tasks.get(partition)?.task !== task) return;
    this.#forget(partition);
    if (this.#wanted.has(partition)) this.#open(partition);
  }

  /** Waits, but no longer than until this worker stops. */
  async #giveWay(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#stopping.signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
    });
  }

  /** How far behind the tasks are, and whether they get on. */
  async #look(): Promise<void> {
    if (this.#measuring) return;
    this.#measuring = true;
    // A process that slept, or was stopped, has not seen its tasks do nothing.
    const slept = this.silentForMs > SLEPT_MS;
    try {
      const measured = await this.#measureLag();
      this.#watch(measured && !slept);
    } finally {
      this.#measuring = false;
      this.#measuredAt = performance.now();
    }
    const states: Record<TaskState, number> = { starting: 0, running: 0, retrying: 0, fenced: 0, failed: 0, stopped: 0 };
    for (const { task } of this.#tasks.values()) states[task.state] += 1;
    this.#options.environment.metrics.tasks(this.processor.name, states);
  }

  /** `measured`: the brokers answered, so that what does not move is our own fault. */
  #watch(measured: boolean): void {
    const { patienceMs = PATIENCE_MS } = this.#options;
    for (const [partition, slot] of this.#tasks) {
      const { task } = slot;
      const dog = this.#watchdogs.get(partition) ?? new Watchdog(patienceMs);
      this.#watchdogs.set(partition, dog);
      const isBehind =
        task.state === 'running' ? task.working || (this.#lag.get(partition) ?? 0) > 0 : task.restoring !== undefined;
      const positions = task.inputs?.partitions().map(({ topic, partition: at }) => task.inputs?.position(tpKey(topic, at)));
      const mark = [task.steps, ...(positions ?? []), task.restoring?.left].join(' ');
      if (dog.stalled(measured && isBehind, mark, performance.now())) void this.#replace(partition, slot);
    }
  }

  /** False: the brokers do not answer. */
  async #measureLag(): Promise<boolean> {
    const { environment } = this.#options;
    const running = [...this.#running()];
    const partitions = running.flatMap((task) => task.inputs?.partitions() ?? []);
    if (partitions.length === 0) return true;
    try {
      const ends = await environment.kafka.admin.endOffsets(partitions);
      for (const task of running) {
        let records = 0;
        for (const { topic, partition } of task.inputs?.partitions() ?? []) {
          const id = tpKey(topic, partition);
          records += Math.max(0, (ends.get(id) ?? 0) - (task.inputs?.position(id) ?? 0));
        }
        this.#lag.set(task.id.partition, records);
        const newest = task.inputs?.newest ?? Number.NEGATIVE_INFINITY;
        const seconds = records > 0 && Number.isFinite(newest) ? Math.max(0, environment.clock.now() - newest) / 1000 : 0;
        environment.metrics.lag(task.id, records, seconds);
        environment.metrics.storeBytes(task.id, task.view?.size() ?? 0);
        this.#measureRevision(task.id);
      }
      return true;
    } catch (error) {
      environment.log('debug', 'lag cannot be measured', { message: messageOf(error) });
      return false;
    }
  }

  #measureRevision(id: TaskId): void {
    const { environment, processor } = this.#options;
    if (!processor.revision) return;
    const claimed = environment.progress.get(id.processor, String(id.partition), REVISION)?.at ?? Number.NEGATIVE_INFINITY;
    const { share, isTurned } = howFar(claimed, processor.revision.number);
    environment.metrics.revised(id, share, isTurned);
  }

  /** Plain commits of group offsets, for lag tools; nothing of ours reads them. */
  async #tellGroup(): Promise<void> {
    const { environment, processor } = this.#options;
    const offsets = [...this.#running()].flatMap((task) =>
      (task.inputs?.partitions() ?? []).map(({ topic, partition }) => ({
        topic,
        partition,
        offset: task.inputs?.position(tpKey(topic, partition)) ?? 0,
      })),
    );
    if (offsets.length === 0) return;
    await environment.kafka.admin.commitOffsets(environment.names.group(processor.name), offsets).catch((error: unknown) => {
      environment.log('debug', 'group offsets cannot be told', { message: messageOf(error) });
    });
  }
}

/** What all upstream stages of a processor claim, by source, as the progress table says now. */
export function upstreamClaims(
  environment: Pick<Environment, 'progress'>,
  processor: Processor,
  tasks: number,
  sources: readonly SourceClock[],
): Map<string, Reach> {
  const values = new Map<string, Reach>();
  if (processor.revision) {
    const { at } = environment.progress.minimum(processor.name, tasks, REVISION);
    values.set(REVISION, { at: Math.floor(at), ended: false });
  }
  if (processor.upstream.length === 0) return values;
  for (const clock of sources) {
    const claims = processor.upstream.map((stage) => stageClaim(environment.progress, stage, tasks, clock));
    values.set(clock.source, { at: Math.min(...claims.map(({ at }) => at)), ended: claims.every(({ ended }) => ended) });
  }
  return values;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
