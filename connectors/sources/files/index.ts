import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { systemClock, type Clock } from '../../../runtime/clock.ts';
import { FreshetError } from '../../../runtime/errors.ts';
import type { Producer } from '../../../runtime/kafka/contract.ts';
import { partitionFor } from '../../../runtime/partition.ts';
import type { ProduceRecord } from '../../../runtime/record.ts';
import type { Feed } from '../../../runtime/watermarks/contract.ts';
import type { SourceConfig } from '../../../schemas/config.ts';
import { framesOf, type Damage, type Frame } from './frames.ts';

export interface ReplayOptions {
  readonly files: readonly string[];
  /** A source with files as its input. */
  readonly source: SourceConfig;
  readonly producer: Producer;
  readonly feed: Pick<Feed, 'state'>;
  /** Physical name of the source's raw topic, and its number of partitions. */
  readonly topicName: string;
  readonly partitions: number;
  /** Only records with an event time from here on, epoch milliseconds. */
  readonly from?: number;
  /** Only records with an event time up to here, inclusive; it is also where the clock of the source ends. */
  readonly until?: number;
  readonly onProgress?: (progress: ReplayProgress) => void;
  /** A row or group that cannot be used; the others go on. */
  readonly onRejected?: (damage: Damage) => void;
  /** Ends the replay after the records under way; the clock of the source stays where it is. */
  readonly signal?: AbortSignal;
  /**
   * Asked before each batch with a time `stretchMs` before its first record: resolves once that time has been reached by the readers
   * of every partition, so that none runs further than that ahead of the others. At once when left out.
   */
  readonly waitFor?: (eventTime: number) => Promise<void>;
  /** How much event time may lie between what is written and what has been read everywhere, milliseconds. Default seven days. */
  readonly stretchMs?: number;
  /** Message ids that lie in the raw topic since an earlier run: these are not written again. */
  readonly written?: Pick<ReadonlySet<string>, 'has'>;
  readonly clock?: Clock;
  /** See FramingOptions. */
  readonly maxHeldRows?: number;
}

/** How far a replay has come; rows = rows of records + duplicates + rejected + skipped, once a file has been read. */
export interface ReplayProgress {
  readonly files: { readonly done: number; readonly all: number };
  readonly rows: number;
  /** Made of the rows; those of `written` among them. */
  readonly records: number;
  /** Records that an earlier run had written. */
  readonly written: number;
  readonly duplicates: number;
  /** Rows that could not be used. */
  readonly rejected: number;
  /** Rows outside `from` and `until`, or of records that are too large, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
  /** Records written after the clock of the source had passed their time, since files overlap. */
  readonly late: number;
  /** Everything up to here has been written; undefined before the first. Epoch milliseconds. */
  readonly eventTime: number | undefined;
  /** Rows a second since the start. */
  readonly rate: number;
  /** All has been written, and the clock of the source has ended. */
  readonly ended: boolean;
}

const day = 86_400_000;
const defaultStretch = 7 * day;
const maxBatchRecords = 1000;
const maxBatchBytes = 512 * 1024;
const maxRecordBytes = 1_000_000;

/**
 * Writes the records of files to the raw topic of their source, in the order of file names and of event time within a file, and states
 * the clock of the source behind what has been acknowledged. Its last statement is the time of the last record, or `until`; then the
 * source has ended. Message ids do not depend on the run, so a second one is recognised as a repetition.
 * Rejects with CONFIG_INVALID for a file that cannot be read and with what the producer rejects with.
 */
export async function replayFiles(options: ReplayOptions): Promise<ReplayProgress> {
  const {
    source,
    feed,
    signal,
    from = Number.NEGATIVE_INFINITY,
    until = Number.POSITIVE_INFINITY,
    clock = systemClock,
    stretchMs = defaultStretch,
  } = options;
  const { input } = source;
  if (input.kind !== 'file') throw new FreshetError('CONFIG_INVALID', `the source ${source.name} is not fed by files`);
  const files = [...options.files].sort((a, b) => compare(basename(a), basename(b)) || compare(a, b));
  await Promise.all(files.map(mustBeFile));
  const started = clock.now();
  const skipped: Record<string, number> = {};
  const count = { files: 0, rows: 0, records: 0, written: 0, duplicates: 0, rejected: 0, late: 0 };
  const writer = batchWriter(options);
  let stated: number | undefined;
  let last: number | undefined;

  const progress = (ended = false): ReplayProgress => ({
    files: { done: count.files, all: files.length },
    rows: count.rows,
    records: count.records,
    written: count.written,
    duplicates: count.duplicates,
    rejected: count.rejected,
    skipped: { ...skipped },
    late: count.late,
    eventTime: ended ? last : stated,
    rate: Math.round((count.rows * 1000) / Math.max(1, clock.now() - started)),
    ended,
  });
  const state = (upTo: number): void => {
    if (stated === undefined || upTo > stated) feed.state(source.name, (stated = upTo));
  };
  const flush = async (): Promise<void> => {
    const first = writer.first();
    if (first === undefined) return;
    // What lies before it has been acknowledged; without this the readers could not come near it over a gap in time.
    state(first - 1);
    await options.waitFor?.(first - stretchMs);
    await writer.flush();
    // Another record of this very time may follow.
    if (last !== undefined) state(last - 1);
    options.onProgress?.(progress());
  };
  const reasonToSkip = (frame: Frame, bytes: number): string | undefined => {
    if (frame.time < from) return 'before the start';
    if (frame.time > until) return 'after the end';
    return bytes > maxRecordBytes ? 'record too large' : undefined;
  };

  for (const path of files) {
    const framing = {
      source: source.name,
      file: input.file,
      timezone: source.timezone,
      ...pick(options, 'signal', 'maxHeldRows'),
    };
    for await (const framed of framesOf(path, framing)) {
      count.rows += framed.rows;
      count.duplicates += framed.duplicates;
      for (const damage of framed.damages) {
        count.rejected += damage.rows;
        options.onRejected?.(damage);
      }
      for (const frame of framed.frames) {
        if (signal?.aborted === true) break;
        const value = Buffer.from(JSON.stringify(frame.value));
        const reason = reasonToSkip(frame, value.length);
        if (reason !== undefined) {
          skipped[reason] = (skipped[reason] ?? 0) + frame.rows;
          continue;
        }
        count.records += 1;
        if (options.written?.has(frame.messageId) === true) count.written += 1;
        else {
          if (!writer.fits(frame, value.length)) await flush();
          if (stated !== undefined && frame.time <= stated) count.late += 1;
          writer.add(frame, value);
        }
        last = Math.max(last ?? frame.time, frame.time);
      }
    }
    await flush();
    if (signal?.aborted === true) break;
    count.files += 1;
  }
  if (signal?.aborted === true) return progress();
  const end = Number.isFinite(until) ? until : last;
  if (end !== undefined) feed.state(source.name, (last = end));
  feed.state(source.name, Number.POSITIVE_INFINITY);
  const done = progress(true);
  options.onProgress?.(done);
  return done;
}

interface BatchWriter {
  /** Whether the frame may join the batch: not too many, not too large, all within one day. */
  fits(frame: Frame, bytes: number): boolean;
  add(frame: Frame, value: Buffer): void;
  /** Event time of the first record of the batch, undefined when it is empty. */
  first(): number | undefined;
  /** Resolves when all added has been acknowledged. */
  flush(): Promise<void>;
}

function batchWriter({ source, producer, topicName: topic, partitions }: ReplayOptions): BatchWriter {
  let batches = new Map<number, ProduceRecord[]>();
  let first: number | undefined;
  let [records, bytes] = [0, 0];
  return {
    fits: (frame, size) =>
      records === 0 || (records < maxBatchRecords && bytes + size <= maxBatchBytes && frame.time - (first ?? frame.time) < day),
    add: (frame, value) => {
      first ??= frame.time;
      records += 1;
      bytes += value.length;
      const partition = partitionFor(frame.key, partitions);
      const batch = batches.get(partition) ?? [];
      batches.set(partition, batch);
      const headers = { source: Buffer.from(source.name), 'message-id': Buffer.from(frame.messageId) };
      batch.push({ key: Buffer.from(frame.key), value, headers });
    },
    first: () => first,
    flush: async () => {
      await Promise.all([...batches].map(([partition, records]) => producer.send({ topic, partition, records })));
      batches = new Map();
      first = undefined;
      [records, bytes] = [0, 0];
    },
  };
}

async function mustBeFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) throw new FreshetError('CONFIG_INVALID', `${basename(path)} is no file that can be read`);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Those of the properties that are there, for options under exactOptionalPropertyTypes. */
function pick<T, K extends keyof T>(from: T, ...names: K[]): Pick<T, K> {
  return Object.fromEntries(names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]])) as Pick<T, K>;
}

export type { Damage };
