import type { Environment } from './environment.ts';
import { FreshetError } from './errors.ts';
import { HOPS, hopStamper } from './hops.ts';
import type { Context, KeyState, Processor, TaskId } from './processor.ts';
import { type Headers, noHeaders, type ProduceRecord, type Rejected } from './record.ts';
import { MAX_VALUE_BYTES, type Serde, type Topic } from './topic.ts';
import { partitionFor } from './partition.ts';
import type { Outputs } from './outputs.ts';
import type { Overlay } from './state/overlay.ts';
import type { BatchWord } from './watermarks/source-batches.ts';
import type { TaskWatermarks } from './watermarks/task-watermarks.ts';

interface Sent {
  readonly topic: string;
  readonly partition: number;
  readonly record: ProduceRecord;
}

/** Where a declared output goes, looked up once. */
interface Route {
  readonly topic: string;
  readonly partitions: number;
  readonly serde: Serde<unknown>;
}

/** Handed on from the input unless a processor sets them itself. */
const inherited = ['message-id', 'source'] as const;

/** What one record or timer does: gathered apart, and joined to the transaction only when `process` has returned. */
export class TaskContext implements Context {
  readonly task: TaskId;
  state: KeyState;
  readonly #environment: Environment;
  readonly #overlay: Overlay;
  readonly #watermarks: TaskWatermarks;
  readonly #outputs: Outputs;
  readonly #declared: ReadonlySet<string>;
  #headers: Headers = noHeaders;
  #sent: Sent[] = [];
  #vouched: { source: string; word: BatchWord } | undefined;
  #rejected: { step: Rejected['step']; reason: string } | undefined;
  #now = 0;
  #stamp: ((hops: Buffer | undefined) => Buffer) | undefined;
  readonly #routes = new Map<string, Route>();

  constructor(
    environment: Environment,
    processor: Processor,
    task: TaskId,
    overlay: Overlay,
    watermarks: TaskWatermarks,
    outputs: Outputs,
  ) {
    this.#environment = environment;
    this.task = task;
    this.#overlay = overlay;
    this.#watermarks = watermarks;
    this.#outputs = outputs;
    this.#declared = new Set(processor.outputs.map((topic) => topic.name));
    this.state = overlay.keyState('');
  }

  /** Turns to the next record or timer; `now` is the wall time stamped on what it sends. */
  begin(key: string, headers: Headers, now: number): void {
    this.state = this.#overlay.keyState(key);
    this.#headers = headers;
    if (this.#now !== now) this.#stamp = undefined;
    this.#now = now;
    this.#sent = [];
    this.#rejected = undefined;
    this.#vouched = undefined;
  }

  /** Joins what the record did to the transaction; the reason if it was refused. */
  accept(): { step: Rejected['step']; reason: string } | undefined {
    for (const { topic, record } of this.#sent) {
      const bytes = record.value?.length ?? 0;
      // Refused here it costs this record; refused by the broker it would stop the task at each try.
      if (bytes > MAX_VALUE_BYTES) throw new FreshetError('RECORD_TOO_LARGE', `a value of ${bytes} bytes for ${topic}`);
    }
    this.#overlay.accept();
    for (const { topic, partition, record } of this.#sent) this.#outputs.add(topic, partition, record);
    if (this.#vouched && !this.#rejected) this.#watermarks.vouch(this.#vouched.source, this.#vouched.word);
    return this.#rejected;
  }

  /** Forgets what the record did. */
  discard(): void {
    this.#overlay.discard();
    this.#sent = [];
    this.#rejected = undefined;
    this.#vouched = undefined;
  }

  forward<V>(topic: Topic<V>, key: string, value: V, headers: Readonly<Record<string, string>> = {}): void {
    if (!this.#declared.has(topic.name)) {
      throw new FreshetError(
        'UNDECLARED_OUTPUT',
        `${this.task.processor} forwards to ${topic.name}, which it does not declare as an output.`,
      );
    }
    this.#emit(topic, Buffer.from(key, 'utf8'), value, headers);
  }

  /** Sends what could not be used to the rejected topic, within the transaction. */
  refuse(record: Rejected): void {
    this.#headers = noHeaders;
    this.#sent = [];
    this.#emit(this.#environment.rejected, record.key ?? Buffer.from(`${record.topic}-${record.partition}`), record, {
      reason: record.step,
      ...(record.source === null ? {} : { source: record.source }),
    });
    this.accept();
  }

  reject(step: Rejected['step'], reason: string): void {
    this.#rejected = { step, reason };
  }

  vouch(source: string, word: BatchWord): void {
    this.#vouched = { source, word };
  }

  watermark(source: string): number {
    return this.#watermarks.source(source);
  }

  endOf(source: string): number | undefined {
    return this.#watermarks.endOf(source);
  }

  clock(name: string): number {
    return this.#watermarks.clock(name);
  }

  get tick(): number {
    return this.#environment.progress.tick;
  }

  count(name: string, labels: Readonly<Record<string, string>> = {}, by = 1): void {
    this.#environment.metrics.counted(this.task, name, labels, by);
  }

  #emit<V>(topic: Topic<V>, key: Buffer, value: V, given: Readonly<Record<string, string>>): void {
    const { topic: physical, partitions, serde } = this.#route(topic);
    const headers: Record<string, Buffer> = {};
    for (const name of inherited) {
      const bytes = this.#headers[name];
      if (bytes) headers[name] = bytes;
    }
    for (const name in given) headers[name] = Buffer.from(given[name] ?? '', 'utf8');
    this.#stamp ??= hopStamper(this.task.processor, this.#now);
    headers[HOPS] = this.#stamp(this.#headers[HOPS]);
    this.#sent.push({
      topic: physical,
      partition: partitionFor(key, partitions),
      record: { key, value: value === null ? null : serde.encode(value), headers, timestamp: this.#now },
    });
  }

  #route(topic: Topic): Route {
    let route = this.#routes.get(topic.name);
    if (!route) {
      const { names, partitions, serdes } = this.#environment;
      const physical = names.topic(topic.name);
      route = { topic: physical, partitions: partitions(physical), serde: serdes.of(topic) };
      this.#routes.set(topic.name, route);
    }
    return route;
  }
}
