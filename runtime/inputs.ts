import { againName, streamUpTo } from './again.ts';
import type { Environment } from './environment.ts';
import { FreshetError } from './errors.ts';
import type { PartitionStream } from './kafka/contract.ts';
import type { Processor } from './processor.ts';
import { header, type RawRecord, type StreamRecord, type TopicPartition, tpKey } from './record.ts';
import { REPLAY_OF } from './replay.ts';
import type { Serde, Topic } from './topic.ts';
import { FEED } from './watermarks/stages.ts';

interface Input {
  readonly topic: Topic;
  /** `tpKey` of the physical and of the logical topic. */
  readonly physical: string;
  readonly logical: string;
  readonly stream: PartitionStream;
  readonly serde: Serde<unknown>;
  /** Source whose own topic this is, if any. */
  readonly source: string | undefined;
  /** Records that were read before. */
  readonly isAgain: boolean;
  pending: number;
  /** Offset of the first record taken and not yet processed; counts while `pending` > 0. */
  first: number;
}

/** A record taken from an input: decoded, or with the reason why it cannot be. */
export interface DecodedInput {
  /** Logical topic. */
  readonly topic: string;
  readonly partition: number;
  readonly raw: RawRecord;
  readonly record: StreamRecord | undefined;
  readonly undecodable: string | undefined;
  /** It was read before, by other rules. */
  readonly isAgain: boolean;
}

/** What is read again of an input of a task. */
export interface Again {
  /** Next offset. */
  readonly next: number;
  /** The end, exclusive: where the task stood when its rules became others. */
  readonly until: number;
}

interface Pending extends DecodedInput {
  readonly input: Input;
}

/** The input partitions of a task: what has been taken from them, and how far they have been processed. */
export class TaskInputs {
  readonly #inputs: readonly Input[];
  readonly #byPhysical: ReadonlyMap<string, Input>;
  /** Append time of the newest record taken, by source. */
  readonly #signs = new Map<string, number>();
  readonly #isFirst: boolean;
  #raw: { input: Input; raw: RawRecord }[] = [];
  #decoded: Pending[] = [];
  #turn = 0;
  #records = 0;
  #newest = Number.NEGATIVE_INFINITY;
  readonly #environment: Environment;
  readonly #processor: Processor;
  readonly #partition: number;

  readonly #again: Again;

  private constructor(environment: Environment, processor: Processor, partition: number, inputs: readonly Input[], again: Again) {
    this.#again = again;
    this.#environment = environment;
    this.#processor = processor;
    this.#partition = partition;
    this.#inputs = inputs;
    this.#isFirst = processor.upstream.includes(FEED);
    this.#byPhysical = new Map(inputs.map((input) => [input.physical, input]));
  }

  /**
   * Opens every input that has this partition where `next` (by logical `tpKey`) says, new ones at their start. `again`: how far the
   * task is with what its revision reads again; undefined if it has not begun.
   */
  static async open(
    environment: Environment,
    processor: Processor,
    partition: number,
    next: Readonly<Record<string, number>>,
    notify: () => void,
    again?: Again,
  ): Promise<TaskInputs> {
    const { names, kafka } = environment;
    const topics = processor.inputs.filter((topic) => partition < environment.partitions(names.topic(topic.name)));
    const fresh = topics.filter((topic) => next[tpKey(topic.name, partition)] === undefined);
    const starts = await kafka.admin.startOffsets(fresh.map((topic) => ({ topic: names.topic(topic.name), partition })));
    const inputs = topics.map((topic): Input => {
      const name = names.topic(topic.name);
      const physical = tpKey(name, partition);
      const logical = tpKey(topic.name, partition);
      const offset = next[logical] ?? starts.get(physical) ?? 0;
      return {
        topic,
        physical,
        logical,
        stream: environment.reader.open({ topic: name, partition }, offset, { notify, unreadable: 'hand-out' }),
        serde: environment.serdes.of(topic),
        source: environment.sourceOfTopic.get(topic.name),
        isAgain: false,
        pending: 0,
        first: offset,
      };
    });
    const topic = processor.revision?.again;
    if (topic === undefined) return new TaskInputs(environment, processor, partition, inputs, { next: 0, until: 0 });
    const at = { topic: names.topic(topic.name), partition };
    const start = (await kafka.admin.startOffsets([at])).get(tpKey(at.topic, partition)) ?? 0;
    const until = again?.until ?? inputs.find(({ logical }) => logical === tpKey(topic.name, partition))?.first ?? 0;
    const from = Math.min(Math.max(again?.next ?? 0, start), until);
    const more = from < until ? [reopen(environment, topic, at, { next: from, until }, notify, processor.revision?.page)] : [];
    return new TaskInputs(environment, processor, partition, [...inputs, ...more], { next: from, until });
  }

  /** Takes queued records until `max` wait to be processed; the number that wait. */
  take(max: number): number {
    for (let i = 0; i < this.#inputs.length && this.waiting < max; i++) {
      const input = this.#inputs[(this.#turn + i) % this.#inputs.length];
      if (!input) continue;
      if (input.stream.error) throw input.stream.error;
      const before = input.stream.position;
      const records = input.stream.take(max - this.waiting);
      const first = records[0];
      if (!first) continue;
      if (input.pending === 0) input.first = Math.max(before, 0);
      input.pending += records.length;
      for (const raw of records) {
        this.#raw.push({ input, raw });
        // Sent again by an operator, it is no sign that its source lives.
        if (this.#isFirst && !input.isAgain && raw.headers[REPLAY_OF] === undefined)
          this.#heardOf(input.source ?? header(raw.headers, 'source'), raw.timestamp);
      }
    }
    this.#turn += 1;
    return this.waiting;
  }

  /**
   * Decodes all that wait; waits for the registry where a schema is not known yet, and for tables that a record was made from.
   * What cannot be decoded says why.
   */
  async decode(): Promise<readonly DecodedInput[]> {
    const missing: Promise<void>[] = [];
    for (const { input, raw } of this.#raw) {
      if (!raw.value || raw.unreadable !== undefined) continue;
      const prepared = input.serde.prepare?.(raw.value);
      if (prepared) missing.push(prepared);
    }
    if (missing.length > 0) await Promise.all(missing);
    const decoded = this.#raw.map(({ input, raw }) => this.#one(input, raw));
    await this.#reached(decoded);
    this.#decoded.push(...decoded);
    this.#raw = [];
    return this.#decoded.slice();
  }

  /** The oldest waiting record has been processed. */
  done(item: DecodedInput): void {
    const head = this.#decoded.shift();
    if (!head || head !== item)
      throw new FreshetError('CLOSED', 'Records must be processed in the order in which they were taken.');
    head.input.pending -= 1;
    head.input.first = head.raw.offset + 1;
    this.#records += 1;
    this.#newest = Math.max(this.#newest, head.raw.timestamp);
  }

  /** Records taken and not yet processed. */
  get waiting(): number {
    return this.#raw.length + this.#decoded.length;
  }

  /** Next offset by logical input. */
  next(): Record<string, number> {
    return Object.fromEntries(this.#inputs.flatMap((input) => (input.isAgain ? [] : [[input.logical, positionOf(input)]])));
  }

  /** How far what is read again has been processed. */
  again(): Again {
    const input = this.#inputs.find(({ isAgain }) => isAgain);
    return input ? { next: positionOf(input), until: this.#again.until } : this.#again;
  }

  /** Everything below has been processed, or taken into a table; by physical `tpKey`. +Infinity for what is neither. */
  position(physical: string): number {
    const input = this.#byPhysical.get(physical);
    return input ? positionOf(input) : (this.#environment.tables?.position(physical) ?? Number.POSITIVE_INFINITY);
  }

  /** The partitions of the tables it looks things up in, physical. */
  tables(): readonly TopicPartition[] {
    return (this.#processor.tables ?? []).flatMap((topic) => this.#environment.tables?.partitionsOf(topic) ?? []);
  }

  /** The input partitions, physical. */
  partitions(): { topic: string; partition: number; logical: string }[] {
    return this.#inputs.flatMap(({ stream, topic, isAgain }) =>
      isAgain ? [] : [{ topic: stream.topic, partition: stream.partition, logical: topic.name }],
    );
  }

  /** Append time of the newest record of a source, by its topic or else by the header `source`; the first processor of the walk knows. */
  sign(source: string): number | undefined {
    return this.#signs.get(source);
  }

  /** The signs of all sources, for the position; nothing where there are none. */
  signs(): { readonly signs?: Readonly<Record<string, number>> } {
    return this.#signs.size === 0 ? {} : { signs: Object.fromEntries(this.#signs) };
  }

  /** Signs that were read before the position; without them a source that gave its last one there would be taken for silent. */
  recall(signs: Readonly<Record<string, number>> = {}): void {
    for (const [source, at] of Object.entries(signs)) this.#heardOf(source, at);
  }

  #heardOf(source: string | undefined, at: number): void {
    if (source !== undefined && at > (this.#signs.get(source) ?? Number.NEGATIVE_INFINITY)) this.#signs.set(source, at);
  }

  /** Append or create time of the newest record processed, epoch milliseconds. */
  get newest(): number {
    return this.#newest;
  }

  /** To be called after the commit: counts what was read. */
  committed(): void {
    this.#environment.metrics.records({ processor: this.#processor.name, partition: this.#partition }, 'in', this.#records);
    this.#records = 0;
  }

  close(): void {
    for (const input of this.#inputs) input.stream.close();
  }

  async #reached(records: readonly DecodedInput[]): Promise<void> {
    const { tables } = this.#environment;
    if (tables === undefined || this.#processor.behind === undefined) return;
    const behind = new Set<Topic>();
    for (const { record } of records) if (record) for (const topic of this.#processor.behind(record)) behind.add(topic);
    if (behind.size > 0) await tables.reach([...behind]);
  }

  #one(input: Input, raw: RawRecord): Pending {
    const topic = input.topic.name;
    const partition = this.#partition;
    const { isAgain } = input;
    if (raw.unreadable !== undefined) {
      return { input, topic, partition, raw, isAgain, record: undefined, undecodable: raw.unreadable };
    }
    try {
      const value = raw.value === null ? null : input.serde.decode(raw.value);
      const key = raw.key?.toString('utf8') ?? '';
      const { offset, timestamp, headers } = raw;
      const name = isAgain ? againName(topic) : topic;
      const record: StreamRecord = { topic: name, partition, offset, timestamp, key, value, headers };
      return { input, topic, partition, raw, isAgain, record, undecodable: undefined };
    } catch (error) {
      const undecodable = error instanceof Error ? error.message : String(error);
      return { input, topic, partition, raw, isAgain, record: undefined, undecodable };
    }
  }
}

/** An input once more, from where it was read again up to its end. */
function reopen(
  environment: Environment,
  topic: Topic,
  at: { readonly topic: string; readonly partition: number },
  { next, until }: Again,
  notify: () => void,
  page: number | undefined,
): Input {
  const stream = environment.reader.open(at, next, { notify, unreadable: 'hand-out' });
  return {
    topic,
    physical: againName(tpKey(at.topic, at.partition)),
    logical: againName(tpKey(topic.name, at.partition)),
    stream: streamUpTo(stream, next, until, page),
    serde: environment.serdes.of(topic),
    source: undefined,
    isAgain: true,
    pending: 0,
    first: next,
  };
}

function positionOf(input: Input): number {
  return input.pending > 0 ? input.first : input.stream.position;
}
