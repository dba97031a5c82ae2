import { FreshetError } from '../errors.ts';
import { tpKey } from '../record.ts';
import type { TopicPartition } from '../record.ts';
import { closed } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import type { PartitionReader, PartitionStream, StreamOptions } from './contract.ts';
import { KafkaStream } from './kafka-stream.ts';
import { asProtocolError, brokerError } from './protocol-error.ts';
import { listOffsets } from './requests-cluster.ts';
import { fetch } from './requests-fetch.ts';
import type { FetchedPartition } from './requests-fetch.ts';
import { pause } from './retry.ts';

const MAX_WAIT_MS = 500;
const MAX_FETCH_BYTES = 4 * 1024 * 1024;
const MAX_PARTITION_BYTES = 1024 * 1024;
/** Fetches at one broker at a time. A stream opened or emptied while one waits for data is served by the next. */
const LANES = 4;
const OFFSET_OUT_OF_RANGE = 1;
/** Failures in a row after which a partition is told of, and how long others are waited for that fail as well. */
const FAILURES_TOLD = 5;
const TELL_AFTER_MS = 1_000;

/**
 * Fetches in the background for all its streams: at each broker, whatever streams are free go into one request, but those
 * that read the same partition into one each. A stream is in one request at most, so its records arrive in order. Faults of
 * brokers cost a pause and a look-up of the leader.
 */
export class KafkaReader implements PartitionReader {
  readonly #cluster: Cluster;
  readonly #name: string;
  /** Those that got data last come last, so that large neighbours do not crowd one out. */
  readonly #streams = new Set<KafkaStream>();
  /** Lanes in use, by broker. */
  readonly #busy = new Map<number, Set<number>>();
  /** What kind of stream found no lane free the last time, by broker: it gets the next one, or those that hold lanes would keep them. */
  readonly #passedOver = new Map<number, KafkaStream['isolation']>();
  /** Partitions that are about to be told of as failing. */
  #failing: string[] = [];
  #scheduled = false;
  #closed = false;

  constructor(cluster: Cluster, name: string) {
    this.#cluster = cluster;
    this.#name = name;
  }

  open(partition: TopicPartition, offset: number, options: StreamOptions = {}): PartitionStream {
    if (this.#closed) throw closed();
    const owner = { onRoom: () => this.#schedule(), onClose: (stream: KafkaStream) => void this.#streams.delete(stream) };
    const stream = new KafkaStream(owner, partition, offset, options);
    this.#streams.add(stream);
    void this.#locate(stream);
    return stream;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const stream of this.#streams) stream.close();
    await Promise.all(Array.from({ length: LANES }, (_, lane) => this.#cluster.closeLane(this.#lane(lane))));
  }

  /** Everything that happens in one turn of the event loop goes into the same fetches. */
  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      for (const [leader, streams] of Map.groupBy(this.#free(), (stream) => stream.leader ?? -1)) this.#serve(leader, streams);
    });
  }

  #free(): KafkaStream[] {
    return [...this.#streams].filter(
      (stream) => stream.leader !== undefined && !stream.fetching && stream.isOpen && !stream.isFull,
    );
  }

  #serve(leader: number, streams: readonly KafkaStream[]): void {
    const busy = this.#busy.get(leader) ?? new Set();
    this.#busy.set(leader, busy);
    const first = this.#passedOver.get(leader);
    this.#passedOver.delete(leader);
    const groups = [...Map.groupBy(streams, (stream) => stream.isolation)];
    groups.sort(([one], [other]) => Number(other === first) - Number(one === first));
    for (const [isolation, list] of groups.flatMap(([kind, all]) => withoutRepeats(all).map((one) => [kind, one] as const))) {
      const lane = Array.from({ length: LANES }, (_, lane) => lane).find((lane) => !busy.has(lane));
      if (lane === undefined) return void this.#passedOver.set(leader, isolation);
      busy.add(lane);
      for (const stream of list) stream.fetching = true;
      void this.#fetch(leader, lane, isolation, list).finally(() => {
        busy.delete(lane);
        for (const stream of list) stream.fetching = false;
        this.#schedule();
      });
    }
  }

  async #fetch(
    leader: number,
    lane: number,
    isolation: KafkaStream['isolation'],
    streams: readonly KafkaStream[],
  ): Promise<void> {
    const asked = streams.map(({ topic, partition, next }) => ({ topic, partition, offset: next }));
    const limits = { maxWaitMs: MAX_WAIT_MS, maxBytes: MAX_FETCH_BYTES, maxPartitionBytes: MAX_PARTITION_BYTES };
    try {
      const fetched = await this.#cluster.send(leader, this.#lane(lane), fetch(asked, { isolation, ...limits }));
      const byPartition = new Map(fetched.map((partition) => [tpKey(partition.topic, partition.partition), partition]));
      for (const stream of streams) await this.#accept(stream, byPartition.get(tpKey(stream.topic, stream.partition)));
    } catch (error) {
      for (const stream of streams) this.#lose(stream, error);
    }
  }

  async #accept(stream: KafkaStream, fetched: FetchedPartition | undefined): Promise<void> {
    if (!this.#streams.has(stream)) return;
    if (fetched === undefined) return this.#lose(stream, new Error('a fetch response without the partition'));
    if (fetched.errorCode === OFFSET_OUT_OF_RANGE) return await this.#checkRange(stream);
    if (fetched.errorCode !== 0) {
      return this.#lose(stream, brokerError(fetched.errorCode, `fetch of ${tpKey(stream.topic, stream.partition)}`));
    }
    const moved = stream.accept(fetched);
    if (stream.damage !== undefined) return this.#lose(stream, stream.damage);
    stream.failures = 0;
    if (!moved) return;
    this.#streams.delete(stream);
    if (stream.isOpen) this.#streams.add(stream);
  }

  /** A leader that is behind says out of range as well; only the log's real ends decide. */
  async #checkRange(stream: KafkaStream): Promise<void> {
    const name = tpKey(stream.topic, stream.partition);
    try {
      const leader = await this.#cluster.leader(stream);
      const [start, end] = await Promise.all(
        (['earliest', 'latest'] as const).map(async (which) => {
          const [listed] = await this.#cluster.send(leader, 'control', listOffsets([stream], which));
          if (listed?.errorCode !== 0) throw brokerError(listed?.errorCode ?? -1, `offsets of ${name}`);
          return listed.offset;
        }),
      );
      if (start === undefined || end === undefined || (stream.next >= start && stream.next <= end)) {
        return this.#lose(stream, new Error(`${name} says out of range, but ends at ${end}`));
      }
      stream.fail(new FreshetError('OFFSET_OUT_OF_RANGE', `${name} holds ${start} to ${end}, asked for ${stream.next}`));
    } catch (error) {
      this.#lose(stream, error);
    }
  }

  #lose(stream: KafkaStream, reason: unknown): void {
    if (this.#closed || !this.#streams.has(stream)) return;
    stream.leader = undefined;
    stream.failures++;
    this.#cluster.forgetTopic(stream.topic);
    if (stream.failures === FAILURES_TOLD) this.#tell(stream, asProtocolError(reason).message);
    void this.#locate(stream);
  }

  /** One line for all that fails together: a broker that is away takes many partitions along. */
  #tell(stream: KafkaStream, reason: string): void {
    if (this.#failing.length === 0) setTimeout(() => this.#tellFailing(reason), TELL_AFTER_MS).unref();
    this.#failing.push(tpKey(stream.topic, stream.partition));
  }

  #tellFailing(reason: string): void {
    const [first] = this.#failing;
    const fields = { partitions: this.#failing.length, first, reason };
    this.#failing = [];
    if (!this.#closed) this.#cluster.options.log?.('warn', 'partitions cannot be read at the moment', fields);
  }

  async #locate(stream: KafkaStream): Promise<void> {
    try {
      if (stream.failures > 0) await this.#cluster.sleep(pause(stream.failures - 1, 20, 1_000));
      if (!stream.isOpen) return;
      stream.leader = await this.#cluster.leader(stream);
      this.#schedule();
    } catch (error) {
      if (!this.#cluster.isClosed) this.#lose(stream, error);
    }
  }

  #lane(lane: number): string {
    return `${this.#name}-${lane}`;
  }
}

/**
 * Lists in which no partition occurs twice. A broker answers for partitions, once each, and not for whoever asked: of two
 * streams in one request, the one that is behind would be given what comes after the other, and lose all that lies between.
 */
function withoutRepeats(streams: readonly KafkaStream[]): readonly (readonly KafkaStream[])[] {
  const lists: Map<string, KafkaStream>[] = [];
  for (const stream of streams) {
    const name = tpKey(stream.topic, stream.partition);
    const list = lists.find((one) => !one.has(name));
    if (list) list.set(name, stream);
    else lists.push(new Map([[name, stream]]));
  }
  return lists.map((list) => [...list.values()]);
}
