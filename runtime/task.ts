import { setImmediate as immediate } from 'node:timers/promises';
import type { Environment } from './environment.ts';
import { FreshetError } from './errors.ts';
import { TaskInputs } from './inputs.ts';
import type { TransactionalProducer } from './kafka/contract.ts';
import { Outputs } from './outputs.ts';
import { type Processor, REVISION, type TaskId, type Timer } from './processor.ts';
import { failureOf, isFenced } from './failures.ts';
import { checkpointOp, type RestoreProgress } from './restore.ts';
import { RevisionRun } from './revision.ts';
import { type Position, storeName, takeOver } from './take-over.ts';
import { TaskContext } from './task-context.ts';
import { applyRecord, applyTimer, wantedParts } from './apply.ts';
import { hasHints, HintIndex, hintOps } from './state/hints.ts';
import { CellCache } from './state/cell-cache.ts';
import { changelogKey, dataKey, encodeCell, FORMAT, hintKey, partId, POSITION_ID } from './state/layout.ts';
import { Overlay } from './state/overlay.ts';
import type { Store, StoreOp } from './state/store.ts';
import { claimAll } from './watermarks/task-claims.ts';
import { TaskWatermarks } from './watermarks/task-watermarks.ts';

/** Bounds of one transaction. Under load several fetches are gathered into one; when the input is drained it is sent at once. */
const MAX_RECORDS = 10_000;
const MAX_BYTES = 2 * 1024 * 1024;
const MAX_PROCESSING_MS = 100;
/** So many records have their state fetched in one go; after them others have a turn. */
const RECORDS_IN_A_ROW = 100;
const TIMER_PAGE = 1000;
const TIMERS_IN_A_ROW = 100;
/** So many records in a row that make `process` throw stop the task. */
const POISON_LIMIT = 100;
/** Position and watermarks of a task with nothing else to commit are made durable this often, milliseconds. */
const POSITION_EVERY_MS = 5000;

export type TaskState = 'starting' | 'running' | 'retrying' | 'fenced' | 'failed' | 'stopped';

/** Where a crash can be made to happen in a test; never called otherwise. */
export type CrashPoint = 'decoded' | 'fetched' | 'processed' | 'committed' | 'written';

export interface TaskOptions {
  readonly crash?: (point: CrashPoint, task: TaskId) => void;
}

/**
 * A processor at work on one partition: owner of its store, its timers, its position and its transactional producer.
 * `run` goes on until `stop`, the loss of ownership, or a fault that a restart of the loop cannot heal.
 */
export class Task {
  readonly id: TaskId;
  state: TaskState = 'starting';
  failure: unknown;
  /** While the store is brought to the end of the changelog. */
  restoring: RestoreProgress | undefined;
  /** Transactions committed since the task was made. */
  steps = 0;
  /** In the middle of a transaction. */
  working = false;
  readonly watermarks: TaskWatermarks;
  readonly #environment: Environment;
  readonly #processor: Processor;
  readonly #options: TaskOptions;
  readonly #stopping = new AbortController();
  readonly #transactionalId: string;
  #producer: TransactionalProducer | undefined;
  #store: Store | undefined;
  #inputs: TaskInputs | undefined;
  #timers: HintIndex | undefined;
  #holds: HintIndex | undefined;
  #revision: RevisionRun | undefined;
  /** What the store holds, kept between transactions; as old as the store. */
  #cells = new CellCache();
  /** Next offset of the changelog that the store has not got. */
  #changelogOffset = 0;
  #failedInARow = 0;
  #committedAt = 0;
  #uncommittedPosition = false;
  #wake: () => void = () => undefined;
  #awake = false;

  constructor(environment: Environment, processor: Processor, partition: number, options: TaskOptions = {}) {
    this.id = { processor: processor.name, partition };
    this.#environment = environment;
    this.#processor = processor;
    this.#options = options;
    this.#transactionalId = environment.names.group(storeName(this.id));
    this.watermarks = new TaskWatermarks(() => environment.progress.tick);
  }

  /** Something may have happened: records came, an offer was made, the clock moved on. */
  readonly wake = (): void => {
    this.#awake = true;
    this.#wake();
  };

  /** Ends `run` after the step at hand. */
  stop(): void {
    this.#stopping.abort();
    this.wake();
  }

  async run(): Promise<void> {
    let pause = 50;
    while (!this.#stopping.signal.aborted) {
      try {
        await this.takeOver();
        this.state = 'running';
        while (!this.#stopping.signal.aborted) {
          this.#awake = false;
          if (await this.step()) {
            pause = 50;
            await immediate();
          } else if (!this.#awake) {
            await new Promise<void>((resolve) => (this.#wake = resolve));
          }
        }
      } catch (error) {
        if (this.#stopping.signal.aborted) {
          // The group was quicker to tell than the broker.
          if (isFenced(error)) this.#tellFenced();
          break;
        }
        if (!(await this.#survives(error))) return;
        await this.#pause((pause = Math.min(pause * 2, 5000)));
      }
    }
    await this.close();
    this.state = 'stopped';
  }

  /** Fences earlier owners and stands where the last committed transaction ended. Throws away whatever was not committed. */
  async takeOver(): Promise<void> {
    await this.close();
    const environment = this.#environment;
    this.#producer = environment.kafka.transactionalProducer(this.#transactionalId);
    const onProgress = (progress: RestoreProgress): void => void (this.restoring = progress);
    const owned = await takeOver(environment, this.id, this.#producer, this.#stopping.signal, onProgress);
    this.restoring = undefined;
    this.working = false;
    this.#store = owned.store;
    this.#changelogOffset = owned.offset;
    this.watermarks.restore(owned.position.watermarks, owned.position.batches);
    this.#cells = new CellCache();
    this.#timers = new HintIndex(owned.store, 't');
    this.#holds = new HintIndex(owned.store, 'h');
    const { inputs, revision } = owned.position;
    this.#revision = RevisionRun.resume(this.#processor, revision);
    const again = revision?.number === this.#revision?.number ? revision : undefined;
    this.#inputs = await TaskInputs.open(environment, this.#processor, this.id.partition, inputs, this.wake, again);
    this.#inputs.recall(owned.position.signs);
    this.#committedAt = environment.clock.now();
  }

  /**
   * One transaction at most. Due timers come before further records, in pages; claims are made only when none is due.
   * False: there is nothing to do now.
   */
  async step(): Promise<boolean> {
    const { store, inputs, timers } = this.#owned();
    if (this.watermarks.adopt((input) => inputs.position(input))) this.#uncommittedPosition = true;
    const due = this.#due(timers);
    if (due.length > 0) {
      await this.#transaction(store, (overlay, context, outputs) => this.#fire(due, overlay, context, outputs));
      return true;
    }
    this.#claim();
    if (inputs.take(MAX_RECORDS) > 0 || this.#isSweeping) {
      await this.#transaction(store, (overlay, context, outputs) => this.#process(inputs, overlay, context, outputs));
      return true;
    }
    if (this.#uncommittedPosition && this.#positionIsOld) await this.#transaction(store, async () => []);
    return false;
  }

  /** True when everything up to `ends` (by physical input) has been read and processed, and no timer is due. */
  drained(ends: ReadonlyMap<string, number>): boolean {
    const { inputs, timers } = this.#owned();
    for (const [input, end] of ends) if (inputs.position(input) < end) return false;
    const { next, until } = inputs.again();
    return inputs.waiting === 0 && next >= until && !this.#isSweeping && this.#due(timers).length === 0;
  }

  /** The store, for read-only views; undefined while the task does not own it. */
  get view(): Store | undefined {
    return this.state === 'running' ? this.#store : undefined;
  }

  get inputs(): TaskInputs | undefined {
    return this.#inputs;
  }

  async close(): Promise<void> {
    this.#inputs?.close();
    this.#inputs = undefined;
    await this.#producer?.close();
    this.#producer = undefined;
    const store = this.#store;
    this.#store = undefined;
    await store?.close();
  }

  async #process(inputs: TaskInputs, overlay: Overlay, context: TaskContext, outputs: Outputs): Promise<StoreOp[]> {
    // 1 decode; 2 fetch the state of the keys; 3 process, one record after the other.
    const records = await inputs.decode();
    this.#crash('decoded');
    const { clock } = this.#environment;
    const now = clock.now();
    let refused = 0;
    for (const [i, item] of records.entries()) {
      if (outputs.bytes > MAX_BYTES) break;
      if (i % RECORDS_IN_A_ROW === 0) {
        if (i > 0 && clock.now() - now > MAX_PROCESSING_MS) break;
        await overlay.prefetch(wantedParts(this.#processor, records.slice(i, i + RECORDS_IN_A_ROW)));
        this.#crash('fetched');
        if (i > 0) await immediate();
      }
      const applied = applyRecord(this.#environment, this.#processor, context, item, now);
      if (applied !== 'processed') refused += 1;
      this.#failedInARow = applied === 'failed' ? this.#failedInARow + 1 : 0;
      if (this.#failedInARow > POISON_LIMIT) {
        const message = `${this.#processor.name} failed at ${POISON_LIMIT} records in a row: the fault is not in the records.`;
        throw new FreshetError('POISON_LIMIT', message);
      }
      inputs.done(item);
    }
    this.#environment.metrics.records(this.id, 'rejected', refused);
    if (this.#isSweeping) this.#revision?.page(this.#environment, this.#processor, this.#owned().store, overlay, context, now);
    return [];
  }

  /** As many of them as the bounds of a transaction allow; the others come with the next page. */
  async #fire(due: readonly Timer[], overlay: Overlay, context: TaskContext, outputs: Outputs): Promise<StoreOp[]> {
    await overlay.prefetch(
      due.flatMap((timer) => [timer.part, ...(this.#processor.timerParts?.(timer) ?? [])].map((part) => partId(timer.key, part))),
    );
    const { clock } = this.#environment;
    const now = clock.now();
    let fired = 0;
    for (const timer of due) {
      if (outputs.bytes > MAX_BYTES) break;
      if (fired > 0 && fired % TIMERS_IN_A_ROW === 0) {
        if (clock.now() - now > MAX_PROCESSING_MS) break;
        await immediate();
      }
      applyTimer(this.#environment, this.#processor, overlay, context, timer, now);
      fired += 1;
    }
    return due.slice(0, fired).flatMap((timer) => spentHint(overlay, timer));
  }

  /** Steps 4 and 5: one Kafka transaction of outputs, changelog and position, then one store batch with the same changes. */
  async #transaction(
    store: Store,
    work: (overlay: Overlay, context: TaskContext, outputs: Outputs) => Promise<StoreOp[]>,
  ): Promise<void> {
    const environment = this.#environment;
    const { producer, inputs, timers, holds, cells } = this.#owned();
    const overlay = new Overlay(store, cells);
    const outputs = new Outputs();
    const context = new TaskContext(environment, this.#processor, this.id, overlay, this.watermarks, outputs);
    this.working = true;
    const ops = await work(overlay, context, outputs);
    this.#crash('processed');
    const isSilent = ops.length === 0 && outputs.count === 0 && overlay.isClean;
    if (isSilent && this.#processor.silenceIsFinal && !this.#positionIsOld) return this.#passedOver(inputs);
    const position: Position = {
      format: FORMAT,
      inputs: inputs.next(),
      watermarks: this.watermarks.snapshot(),
      ...this.watermarks.batches(),
      ...inputs.signs(),
      ...(this.#revision ? { revision: this.#revision.position(inputs.again()) } : {}),
    };
    overlay.write(POSITION_ID, { value: position, due: [], hold: undefined });
    overlay.accept();
    const sent = outputs.count;
    const changelog = { topic: environment.names.changelog(this.id.processor), partition: this.id.partition };
    const changes = overlay.changes();
    const sizes: number[] = [];
    for (const change of changes) {
      if (sizes.length > 0 && sizes.length % RECORDS_IN_A_ROW === 0) await immediate();
      const key = dataKey(change.id);
      const value = change.after ? encodeCell(change.after) : null;
      outputs.add(changelog.topic, changelog.partition, { key: changelogKey(key), value });
      sizes.push(value?.length ?? 0);
      ops.push(value ? { kind: 'put', key, value } : { kind: 'del', key });
      if (hasHints(change)) ops.push(...hintOps(change));
    }
    const began = performance.now();
    const results = await producer.transact(outputs.batches());
    this.#crash('committed');
    const base = results.find(({ topic, partition }) => topic === changelog.topic && partition === changelog.partition);
    this.#changelogOffset = base ? base.baseOffset + changes.length : this.#changelogOffset;
    const now = environment.clock.now();
    ops.push(checkpointOp({ format: FORMAT, clusterId: environment.clusterId, offset: this.#changelogOffset, writtenAt: now }));
    await store.write(ops);
    changes.forEach(({ id, after }, i) => cells.set(id, after ?? null, sizes[i] ?? 0));
    timers.written(ops);
    holds.written(ops);
    this.#crash('written');
    inputs.committed();
    this.#committedAt = now;
    this.#uncommittedPosition = false;
    this.steps += 1;
    this.working = false;
    environment.metrics.committed(this.id, (performance.now() - began) / 1000);
    environment.metrics.records(this.id, 'out', sent);
  }

  get #positionIsOld(): boolean {
    return this.#environment.clock.now() - this.#committedAt > POSITION_EVERY_MS;
  }

  /** Where silence is final, records that left nothing behind are no reason for a transaction: read again, they leave nothing again. */
  #passedOver(inputs: TaskInputs): void {
    inputs.committed();
    this.#uncommittedPosition = true;
    this.steps += 1;
    this.working = false;
  }

  #due(timers: HintIndex): Timer[] {
    const due: Timer[] = [];
    for (const clock of timers.names()) {
      for (const hint of timers.page(clock, this.watermarks.clock(clock), TIMER_PAGE - due.length)) {
        const end = hint.id.indexOf('\0');
        due.push({ key: hint.id.slice(0, end), part: hint.id.slice(end + 1), clock, at: hint.at });
      }
      if (due.length >= TIMER_PAGE) break;
    }
    return due;
  }

  #claim(): void {
    const { store, holds, inputs } = this.#owned();
    claimAll(this.#environment, this, inputs, this.#revision?.claim(inputs.again()), { store, holds });
  }

  get #isSweeping(): boolean {
    return this.#revision?.isDue(this.watermarks.source(REVISION)) ?? false;
  }

  async #survives(error: unknown): Promise<boolean> {
    const { metrics, log } = this.#environment;
    const code = error instanceof FreshetError ? error.code : 'unexpected';
    await this.close().catch(() => undefined);
    this.restoring = undefined;
    if (isFenced(error)) {
      this.#tellFenced();
      this.state = 'fenced';
      return false;
    }
    const message = error instanceof Error ? error.message : String(error);
    const { remedy, advice } = failureOf(error);
    if (remedy !== 'retry') {
      this.failure = error;
      this.state = 'failed';
      log('error', 'task has stopped', { task: storeName(this.id), code, message, advice });
      return false;
    }
    // Damage that only shows when a block is read: a store that opens, but cannot be worked with. The changelog has all of it.
    if (code === 'STORE_CORRUPT') await this.#environment.engine.destroy(storeName(this.id)).catch(() => undefined);
    metrics.restarted(this.id, code);
    log('warn', 'task takes over afresh', { task: storeName(this.id), code, message, advice });
    this.failure = error;
    this.state = 'retrying';
    return true;
  }

  #tellFenced(): void {
    this.#environment.metrics.fenced(this.id);
    this.#environment.log('info', 'task has gone to another owner', { task: storeName(this.id) });
  }

  #owned() {
    const [store, producer, inputs, timers, holds] = [this.#store, this.#producer, this.#inputs, this.#timers, this.#holds];
    if (!store || !producer || !inputs || !timers || !holds) {
      throw new FreshetError('CLOSED', `The task ${storeName(this.id)} has not been taken over.`);
    }
    return { store, producer, inputs, timers, holds, cells: this.#cells };
  }

  #crash(point: CrashPoint): void {
    this.#options.crash?.(point, this.id);
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#stopping.signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
}

/** The hint of a fired timer goes, unless the part asks for that very moment again. */
function spentHint(overlay: Overlay, timer: Timer): StoreOp[] {
  const id = partId(timer.key, timer.part);
  const again = overlay.read(id)?.due.some(({ clock, at }) => clock === timer.clock && at === timer.at);
  return again ? [] : [{ kind: 'del', key: hintKey('t', timer.clock, timer.at, id) }];
}
