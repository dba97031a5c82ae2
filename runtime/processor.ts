import type { StreamRecord } from './record.ts';
import type { Lookup } from './tables/global-tables.ts';
import type { Topic } from './topic.ts';
import type { BatchWord } from './watermarks/source-batches.ts';

export interface TaskId {
  readonly processor: string;
  readonly partition: number;
}

/**
 * When a part of the state wants to be woken: as soon as `clock` has reached `at` (epoch milliseconds, inclusive).
 * `clock` names a set of sources, joined by `clockName`, and stands for the minimum of their watermarks;
 * the clock named `tick` is the brokers' wall clock.
 */
export interface Due {
  readonly clock: string;
  readonly at: number;
}

/** The name of the clock that is the minimum of the watermarks of `sources`; the order given does not matter. */
export function clockName(sources: readonly string[]): string {
  return [...new Set(sources)].sort().join('+');
}

/** The clock that follows the brokers' append time, for leases and quiet hours. */
export const TICK = 'tick';

/**
 * The clock that tells how far all tasks of a processor are with its revision; see runtime/revision.ts. Like that of a source it is
 * adopted with the position, and never goes back.
 */
export const REVISION = '~revision';

/**
 * Rules that are others than those by which the state was made. Each task reads an input again, from the start of what is retained
 * up to where it stands, in pages between the records that come in; when all tasks have, each key is visited once.
 */
export interface Revision {
  /** Counts up. */
  readonly number: number;
  /** The input; its records come under the name `againName`. Undefined: there is nothing to be read again. */
  readonly again: Topic | undefined;
  /** Keys that have this part are visited: `onTimer` is called for it with the clock REVISION. */
  readonly part: string;
  /** So many records are read again at once, and so many entries of the store looked at, between what comes in. */
  readonly page?: number;
}

/** While a part is held, the task claims no more than `at` for `source`: something caused at `at` is still on its way. */
export interface Hold {
  readonly source: string;
  readonly at: number;
}

export interface Marks {
  readonly due?: readonly Due[];
  readonly hold?: Hold;
}

/**
 * The state of one key, in named parts. Only parts that change are read, written and logged.
 * Values are plain data (what JSON can hold, plus Buffer and undefined); they are replaced, never mutated.
 * Part names are short, hold no `\0`, and are private to the processor.
 */
export interface KeyState {
  get<T>(part: string): T | undefined;
  /** Writes the value with its marks; marks of an earlier write of the part are forgotten. */
  set<T>(part: string, value: T, marks?: Marks): void;
  delete(part: string): void;
  /** Names of all parts of the key that are there, sorted; reads the store. */
  parts(): readonly string[];
}

/** All that `process` may know and do. No clock, no randomness, no I/O: same input, same output. */
export interface Context {
  readonly task: TaskId;
  /** State of the key of the record or timer being processed. */
  readonly state: KeyState;
  /**
   * Sends to a declared output topic, in the same transaction as the state. The runtime adds the header `hops`
   * (those of the input and its own) and hands on `message-id` and `source` of the input unless given here.
   * A topic that a later processor of the same task reads is delivered to it in process as well;
   * its key must then be the key being processed.
   */
  forward<V>(topic: Topic<V>, key: string, value: V, headers?: Readonly<Record<string, string>>): void;
  /** Refuses the record being processed: it goes to the rejected topic with this reason, other effects of it are kept. */
  reject(step: 'decode' | 'transform' | 'validate' | 'process', reason: string): void;
  /** Of a source that comes in batches: what the record says of its batch. Only the first processor of the walk says so. */
  vouch(source: string, word: BatchWord): void;
  /** Watermark that this task has adopted for a source: everything of it up to here has passed. -Infinity if unknown, +Infinity once it has ended. */
  watermark(source: string): number;
  /** The last moment of a source that has ended; undefined while it goes on. */
  endOf(source: string): number | undefined;
  /** Minimum of the watermarks behind a clock name (see `clockName`), or the tick. */
  clock(name: string): number;
  /** The last broker time that this task has read, epoch milliseconds; the only wall clock there is. */
  readonly tick: number;
  /** Adds to a counter of the processor, e.g. count('late'). Labels must not hold personal data. */
  count(name: string, labels?: Readonly<Record<string, string>>, by?: number): void;
}

export interface Timer {
  readonly key: string;
  readonly part: string;
  readonly clock: string;
  /** What the state asked for; the clock may be past it. */
  readonly at: number;
}

/**
 * A stream processor: a declaration of edges and a synchronous function over records of one key.
 * Only `process` is mandatory. Its consumer group, changelog and transactional ids are derived from `name`.
 */
export interface Processor {
  /** Verb-noun, kebab-case. */
  readonly name: string;
  /** Input topics, all with the same number of partitions (topics with fewer are read by the tasks that have a partition). */
  readonly inputs: readonly Topic[];
  /** Topics it may forward to, its own loop topic included. */
  readonly outputs: readonly Topic[];
  /** Global tables it looks things up in: it adopts no watermark before these have been read as far as it covers. */
  readonly tables?: readonly Topic[];
  /** Stages whose claims make up this one's watermarks (see runtime/watermarks). Empty: it has no event time. */
  readonly upstream: readonly string[];
  /**
   * A record that leaves nothing behind would leave nothing whenever, and in whatever order, it were processed again; and no
   * stage takes its watermarks from this one. Then such records cost no transaction: their position is kept with the next one.
   */
  readonly silenceIsFinal?: true;
  /** Set where the rules are not those of the start. */
  readonly revision?: Revision;
  /** Called with the tables, once they have been read, before the first record. */
  open?(tables: Lookup): void;
  /** Global tables that a record was made from: it is processed when they have been read as far as they are written by then. */
  behind?(record: StreamRecord): readonly Topic[];
  /** Parts that `process` will want for this record, to be fetched ahead in one go. Others are read when asked for. */
  parts?(record: StreamRecord): readonly string[];
  /** As `parts`, for a timer. */
  timerParts?(timer: Timer): readonly string[];
  process(record: StreamRecord, context: Context): void;
  /** The clock of a part's due has been reached. A part whose due is not changed here is not asked again. */
  onTimer?(timer: Timer, context: Context): void;
}
