import { FreshetError } from '../errors.ts';
import type { TopicDurability } from '../durability.ts';
import { tpKey } from '../record.ts';
import type { TopicPartition } from '../record.ts';
import type { TopicSpec } from '../topic.ts';
import { closed } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import type { Admin } from './contract.ts';
import type { Memberships } from './group-member.ts';
import { ProtocolError, asProtocolError, brokerError } from './protocol-error.ts';
import { createTopics, deleteTopics, describeTopicConfig, listOffsets } from './requests-cluster.ts';
import type { TopicOutcome } from './requests-cluster.ts';
import { offsetCommit } from './requests-group.ts';
import type { ApiRequest } from './request.ts';
import { deadlineIn, retrying } from './retry.ts';

const TIMEOUT_MS = 30_000;
const TOPIC_ALREADY_EXISTS = 36;
const UNKNOWN_TOPIC_OR_PARTITION = 3;
const REQUEST_TIMED_OUT = 7;

/** Topics, offsets, commits for lag tools. Retries broker faults for 30 s, then BROKER_UNAVAILABLE (retryable). */
export class KafkaAdmin implements Admin {
  readonly #cluster: Cluster;
  readonly #memberships: Memberships;

  constructor(cluster: Cluster, memberships: Memberships) {
    this.#cluster = cluster;
    this.#memberships = memberships;
  }

  clusterId(): Promise<string> {
    return this.#retrying('cluster id', async () => {
      if (this.#cluster.clusterId === undefined) await this.#cluster.refresh();
      return this.#cluster.clusterId ?? '';
    });
  }

  async createTopics(specs: readonly TopicSpec[]): Promise<void> {
    await this.#retrying('create topics', async () => {
      await this.#cluster.refresh(specs.map(({ name }) => name));
      const missing = specs.filter(({ name }) => this.#cluster.topic(name) === undefined);
      if (missing.length > 0) await this.#create(missing);
    });
    await this.#retrying('wait for new topics', async () => {
      await this.#cluster.refresh(specs.map(({ name }) => name));
      for (const spec of specs) this.#checkTopic(spec);
    });
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    await this.#retrying('delete topics', async () => {
      const outcomes = await this.#toController(deleteTopics(names, TIMEOUT_MS));
      failOn(outcomes, UNKNOWN_TOPIC_OR_PARTITION);
    });
    // The controller has deleted them; the brokers that are asked for topics hear of it a little later.
    const gone = new Set(names);
    await this.#retrying('delete topics', async () => {
      const left = (await this.#cluster.allTopics()).find(({ topic }) => gone.has(topic));
      if (left) throw brokerError(REQUEST_TIMED_OUT, `DeleteTopics, ${left.topic} is still listed`);
    });
    for (const name of names) this.#cluster.forgetTopic(name);
  }

  topics(): Promise<readonly string[]> {
    return this.#retrying('list topics', async () => {
      const topics = await this.#cluster.allTopics();
      return topics
        .filter(({ internal }) => !internal)
        .map(({ topic }) => topic)
        .sort();
    });
  }

  partitions(topic: string): Promise<number | undefined> {
    return this.#retrying(`partitions of ${topic}`, async () => {
      await this.#cluster.refresh([topic]);
      return this.#cluster.topic(topic)?.partitions.length;
    });
  }

  durability(topics: readonly string[]): Promise<{ readonly brokers: number; readonly topics: readonly TopicDurability[] }> {
    return this.#retrying('durability of topics', async () => {
      await this.#cluster.refresh(topics);
      const settings = await this.#toController(describeTopicConfig(topics, 'min.insync.replicas'));
      const found = topics.map((topic) => {
        const replicas = Math.min(...(this.#cluster.topic(topic)?.partitions.map((each) => each.replicas) ?? []));
        const value = settings.get(topic);
        return { topic, replicas, minInSync: value === undefined || value === null ? undefined : Number(value) };
      });
      return { brokers: this.#cluster.brokers, topics: found.filter(({ replicas }) => Number.isFinite(replicas)) };
    });
  }

  endOffsets(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>> {
    return this.#offsets(partitions, 'latest');
  }

  stableOffsets(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>> {
    return this.#offsets(partitions, 'stable');
  }

  startOffsets(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>> {
    return this.#offsets(partitions, 'earliest');
  }

  async commitOffsets(group: string, offsets: readonly (TopicPartition & { offset: number })[]): Promise<void> {
    if (offsets.length === 0) return;
    await this.#retrying(`commit offsets of ${group}`, async () => {
      const coordinator = await this.#cluster.coordinator('group', group);
      const membership = this.#memberships.get(group) ?? { memberId: '', generation: -1 };
      const codes = await this.#cluster.send(coordinator, 'control', offsetCommit(group, membership, offsets));
      const failed = codes.find(({ errorCode }) => errorCode !== 0);
      if (failed === undefined) return;
      this.#cluster.forgetCoordinator('group', group);
      throw brokerError(failed.errorCode, `commit offsets of ${group}`);
    });
  }

  async #create(missing: readonly TopicSpec[]): Promise<void> {
    const replicationFactor = this.#cluster.options.replicationFactor ?? -1;
    const topics = missing.map((spec) => ({ replicationFactor, ...spec }));
    failOn(await this.#toController(createTopics(topics, TIMEOUT_MS)), TOPIC_ALREADY_EXISTS);
  }

  /** Throws TOPIC_MISMATCH, or a retriable error as long as a partition has no leader. */
  #checkTopic({ name, partitions }: TopicSpec): void {
    const found = this.#cluster.topic(name);
    if (found === undefined || found.partitions.some(({ leader }) => leader < 0)) {
      throw new ProtocolError('LEADER_NOT_AVAILABLE', `${name} is not ready`, { definite: true, retriable: true });
    }
    if (found.partitions.length === partitions) return;
    const advice = 'give the deployment that number, or another prefix, or delete the topic; see docs/operations.md';
    const message = `topic ${name} has ${found.partitions.length} partitions, ${partitions} are wanted: ${advice}`;
    throw new FreshetError('TOPIC_MISMATCH', message);
  }

  async #toController<T>(request: ApiRequest<T>): Promise<T> {
    await this.#cluster.refresh();
    return await this.#cluster.send(this.#cluster.controllerId, 'admin', request);
  }

  async #offsets(
    partitions: readonly TopicPartition[],
    which: 'earliest' | 'latest' | 'stable',
  ): Promise<ReadonlyMap<string, number>> {
    const offsets = new Map<string, number>();
    // A broker refuses a request that names a partition twice.
    const unique = new Map(partitions.map((partition) => [tpKey(partition.topic, partition.partition), partition]));
    await this.#retrying(`${which} offsets`, async () => {
      const left = [...unique].flatMap(([key, partition]) => (offsets.has(key) ? [] : [partition]));
      const leaders = await Promise.all(left.map((partition) => this.#cluster.leader(partition)));
      const byLeader = Map.groupBy(left.keys(), (index) => leaders[index] ?? -1);
      const requests = [...byLeader].map(async ([leader, indexes]) => {
        const asked = indexes.map((index) => left[index]).filter((partition) => partition !== undefined);
        const listed = await this.#cluster.send(leader, 'control', listOffsets(asked, which));
        const failed = listed.find(({ errorCode }) => errorCode !== 0);
        for (const { topic, partition, errorCode, offset } of listed) {
          if (errorCode === 0) offsets.set(tpKey(topic, partition), offset);
          else this.#cluster.forgetTopic(topic);
        }
        if (failed !== undefined) throw brokerError(failed.errorCode, `offsets of ${failed.topic}-${failed.partition}`);
      });
      const settled = await Promise.allSettled(requests);
      const rejected = settled.find(({ status }) => status === 'rejected');
      if (rejected?.status === 'rejected') throw rejected.reason;
    });
    return offsets;
  }

  async #retrying<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    try {
      return await retrying(this.#cluster, { deadline: deadlineIn(TIMEOUT_MS) }, attempt);
    } catch (error) {
      if (error instanceof FreshetError) throw error;
      if (this.#cluster.isClosed) throw closed();
      const { message, retriable } = asProtocolError(error);
      throw new FreshetError('BROKER_UNAVAILABLE', `${what}: ${message}`, { cause: error, retryable: retriable });
    }
  }
}

function failOn(outcomes: readonly TopicOutcome[], ignored: number): void {
  const failed = outcomes.find(({ errorCode }) => errorCode !== 0 && errorCode !== ignored);
  if (failed !== undefined)
    throw brokerError(failed.errorCode, `topic ${failed.topic}${failed.message ? `, ${failed.message}` : ''}`);
}
