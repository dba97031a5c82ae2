import type { Names, Log } from '../../../runtime/environment.ts';
import type { Kafka, ProduceBatch, TransactionalProducer } from '../../../runtime/kafka/contract.ts';
import { partitionFor } from '../../../runtime/partition.ts';
import { appendHop, HOPS } from '../../../runtime/hops.ts';
import type { ProduceRecord } from '../../../runtime/record.ts';
import type { SourceConfig } from '../../../schemas/config.ts';
import { rawTopic } from '../../../schemas/topics.ts';
import { NoAnswer } from '../http-answer.ts';
import { oneEach } from '../one-each.ts';
import type { Answer, Ask } from './ask.ts';
import type { PollMetrics } from './metrics.ts';
import { pollsTopic, type PollState, readState, stateBatch } from './state.ts';

export interface PollOptions {
  readonly source: Pick<SourceConfig, 'name' | 'latenessMs' | 'liveness'>;
  readonly everyMs: number;
  readonly ask: Ask;
  readonly kafka: Kafka;
  readonly names: Names;
  readonly partitions: number;
  /** Broker time, epoch milliseconds: as of when an answer holds. */
  readonly tick: () => number;
  /** Everything of the source up to here is in Kafka. */
  readonly state: (upTo: number) => void;
  readonly metrics: PollMetrics;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Waits; resolves early when the signal comes. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly random?: () => number;
}

const FIRST_PAUSE_MS = 1000;
/** Records of one transaction. */
const PAGE = 500;
const PAGE_BYTES = 600_000;
/** Answers that follow each other at once; then the interval is waited for. */
const MOST_IN_A_ROW = 100;

/**
 * Asks for a source until the signal: the records of an answer and how far it has been asked for are one Kafka transaction, so that
 * whoever goes on finds each answer taken in once, wherever it is interrupted. A question that fails is put again later and later,
 * up to the interval, and moves no clock: the source grows old and says so.
 */
export async function poll(options: PollOptions): Promise<void> {
  const { source, everyMs, kafka, names, partitions, metrics, log, signal, wait, random = Math.random } = options;
  const stateTopic = names.topic(pollsTopic.name);
  let failed = 0;
  while (!signal.aborted) {
    const producer = kafka.transactionalProducer(names.group(`poll-${source.name}`));
    try {
      await producer.init(signal);
      let last = await readState(kafka, stateTopic, partitions, source.name);
      while (!signal.aborted) {
        const since = options.tick() - (last?.askedAt ?? Number.NEGATIVE_INFINITY);
        if (failed === 0 && since < everyMs) await wait(everyMs - since, signal);
        if (signal.aborted) break;
        last = await askOn(options, producer, stateTopic, last);
        failed = 0;
      }
    } catch (error) {
      if (signal.aborted) break;
      failed += 1;
      const most = Math.max(FIRST_PAUSE_MS, everyMs);
      const pause = Math.min(most, FIRST_PAUSE_MS * 2 ** (failed - 1)) * (0.5 + random() / 2);
      const asked = error instanceof NoAnswer ? error.retryAfterMs : undefined;
      const retryMs = Math.round(Math.max(asked ?? 0, pause));
      metrics.asked(source.name, 'failed');
      const why = error instanceof Error ? error.message : String(error);
      log('warn', 'a source cannot be asked for', { source: source.name, why, failed, retryMs });
      await wait(retryMs, signal);
    } finally {
      await producer.close();
    }
  }
}

/** One question, and those that follow it at once. */
async function askOn(
  options: PollOptions,
  producer: TransactionalProducer,
  stateTopic: string,
  before: PollState | undefined,
): Promise<PollState> {
  const { source, ask, partitions, metrics, signal, tick } = options;
  let last = before;
  for (let row = 1; ; row++) {
    const askedAt = tick();
    const answer: Answer = await ask(last, signal);
    const state: PollState = { ...answer.state, askedAt, partly: null };
    const partly = last?.partly;
    let taken = partly && partly.digest === answer.digest ? partly.taken : 0;
    const left = answer.items.slice(taken);
    const pages = left.length === 0 ? [[]] : pagesOf(left);
    for (const [index, page] of pages.entries()) {
      taken += page.length;
      const isLast = index === pages.length - 1;
      const kept: PollState = isLast
        ? { ...state, partly: null }
        : { ...beginning(last, askedAt), partly: { digest: answer.digest ?? '', taken } };
      const own = stateBatch(stateTopic, partitions, source.name, kept);
      await producer.transact([...recordsOf(options, page, askedAt), own]);
    }
    metrics.asked(source.name, answer.kind);
    metrics.items(source.name, answer.items.length);
    last = state;
    if (answer.more && row < MOST_IN_A_ROW && !signal.aborted) continue;
    if (!answer.more && source.liveness.kind === 'stated') options.state(askedAt - source.latenessMs);
    return state;
  }
}

/** As it stood before the answer that is being taken in: a restart asks the same once more. */
function beginning(last: PollState | undefined, askedAt: number): PollState {
  return last ?? { cursor: '', etag: null, lastModified: null, digest: null, partly: null, askedAt };
}

/** What goes into one transaction: a batch for a partition has to be small enough for the brokers. */
function pagesOf(items: readonly unknown[]): unknown[][] {
  const pages: unknown[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const item of items) {
    bytes += JSON.stringify(item).length * 2;
    if (bytes > PAGE_BYTES || (pages.at(-1)?.length ?? 0) >= PAGE) {
      pages.push([]);
      bytes = JSON.stringify(item).length * 2;
    }
    pages.at(-1)?.push(item);
  }
  return pages;
}

function recordsOf({ source, names, partitions, tick }: PollOptions, items: readonly unknown[], askedAt: number): ProduceBatch[] {
  const topic = names.topic(rawTopic(source.name).name);
  const batches = new Map<number, ProduceRecord[]>();
  for (const item of items) {
    const value = Buffer.from(JSON.stringify(item));
    const partition = partitionFor(value, partitions);
    const records = batches.get(partition) ?? [];
    batches.set(partition, records);
    const headers = {
      source: Buffer.from(source.name),
      'received-at': Buffer.from(String(askedAt)),
      [HOPS]: Buffer.from(appendHop(undefined, 'poll', tick())),
    };
    records.push({ key: null, value, headers });
  }
  return [...batches].map(([partition, records]) => ({ topic, partition, records }));
}

export interface PollsOptions extends Omit<PollOptions, 'source' | 'everyMs' | 'ask' | 'state' | 'signal'> {
  readonly sources: readonly SourceConfig[];
  readonly askerOf: (source: SourceConfig) => Ask;
  readonly state: (source: string, upTo: number) => void;
}

export interface Polls {
  stop(): Promise<void>;
}

/** Asks for all polled sources that the group gives to this process: each is asked for by one process at a time. */
export async function startPolls({ sources, askerOf, state, ...options }: PollsOptions): Promise<Polls> {
  const polled = sources.flatMap((source) => (source.input.kind === 'poll' ? [{ source, poll: source.input.poll }] : []));
  return await oneEach({
    kafka: options.kafka,
    group: options.names.group('polls'),
    topic: options.names.topic(pollsTopic.name),
    count: polled.length,
    run: async (index, signal) => {
      const each = polled[index];
      if (each === undefined) return;
      const { source } = each;
      const own = { ...options, source, everyMs: each.poll.everyMs, ask: askerOf(source), signal };
      await poll({ ...own, state: (upTo) => state(source.name, upTo) });
    },
  });
}
