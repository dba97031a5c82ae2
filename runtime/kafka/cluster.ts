import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { FreshetError } from '../errors.ts';
import type { TopicPartition } from '../record.ts';
import { Link, isLinkFailure } from './link.ts';
import type { KafkaOptions } from './options.ts';
import { ProtocolError, asProtocolError } from './protocol-error.ts';
import { findCoordinator, metadata } from './requests-cluster.ts';
import type { CoordinatorKind, Metadata, TopicMetadata } from './requests-cluster.ts';
import type { ApiRequest } from './request.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 12_000;

/**
 * What a client knows of the brokers: addresses, leaders, coordinators, and links to them. A link belongs to a lane, because
 * a broker works on one request of a connection at a time: a long poll or a join would hold up everything behind it.
 */
export class Cluster {
  readonly options: KafkaOptions;
  readonly #links = new Map<string, Link>();
  readonly #closing = new AbortController();
  readonly #coordinators = new Map<string, number>();
  #nodes = new Map<number, { host: string; port: number }>();
  #topics = new Map<string, TopicMetadata>();
  #controllerId = -1;
  #clusterId: string | undefined;
  #wanted = new Set<string>();
  #refreshing: Promise<void> | undefined;
  #nextRefresh: Promise<void> | undefined;

  constructor(options: KafkaOptions) {
    this.options = options;
    setMaxListeners(0, this.#closing.signal);
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  get clusterId(): string | undefined {
    return this.#clusterId;
  }

  /** How many are known to be up. */
  get brokers(): number {
    return this.#nodes.size;
  }

  get controllerId(): number {
    return this.#controllerId;
  }

  /** Resolves after so many milliseconds, or at once with CLOSED when the client is closed. */
  async sleep(ms: number): Promise<void> {
    try {
      await delay(ms, undefined, { signal: this.#closing.signal });
    } catch {
      throw closed();
    }
  }

  /** Sends to a broker by id. Rejects with ProtocolError. */
  async send<T>(nodeId: number, lane: string, request: ApiRequest<T>): Promise<T> {
    const address = this.#nodes.get(nodeId);
    if (address === undefined) {
      this.forgetNode(nodeId);
      throw new ProtocolError('BROKER_NOT_AVAILABLE', `broker ${nodeId} is not known`, { definite: true, retriable: true });
    }
    try {
      return await this.#link(address.host, address.port, lane).send(request);
    } catch (error) {
      if (isLinkFailure(asProtocolError(error))) this.forgetNode(nodeId);
      throw error;
    }
  }

  /** Sends to any broker that answers, the connected first, then the ones given at the start. */
  async sendToAny<T>(request: ApiRequest<T>): Promise<T> {
    let failure: unknown = new ProtocolError('BROKER_NOT_AVAILABLE', 'no broker is known', { definite: true, retriable: true });
    for (const { host, port } of this.#addresses()) {
      try {
        return await this.#link(host, port, 'control').send(request);
      } catch (error) {
        failure = error;
        if (this.isClosed || !isLinkFailure(asProtocolError(error))) throw error;
      }
    }
    throw failure;
  }

  /** Asks for metadata of these topics, and of what others are just asking for; without any, of the brokers only. */
  refresh(topics: readonly string[] = []): Promise<void> {
    for (const topic of topics) this.#wanted.add(topic);
    if (this.#refreshing === undefined) return this.#startRefresh();
    this.#nextRefresh ??= this.#refreshing
      .catch(() => undefined)
      .then(() => {
        this.#nextRefresh = undefined;
        return this.#startRefresh();
      });
    return this.#nextRefresh;
  }

  /** Fresh metadata of every topic. */
  async allTopics(): Promise<readonly TopicMetadata[]> {
    const all = await this.sendToAny(metadata(undefined));
    this.#adopt(all);
    return all.topics;
  }

  /** What is known of a topic, as of the last refresh. It does not age: whoever acts on it is told by the broker. */
  topic(name: string): TopicMetadata | undefined {
    return this.#topics.get(name);
  }

  /** Leader of a partition, from what is known or from one refresh. Rejects with a retriable ProtocolError when there is none now. */
  async leader({ topic, partition }: TopicPartition): Promise<number> {
    const leader = this.#knownLeader(topic, partition);
    if (leader !== undefined) return leader;
    await this.refresh([topic]);
    const found = this.#knownLeader(topic, partition);
    if (found !== undefined) return found;
    const exists = this.#topics.get(topic)?.partitions.some((known) => known.partition === partition) === true;
    const type = exists ? 'LEADER_NOT_AVAILABLE' : 'UNKNOWN_TOPIC_OR_PARTITION';
    throw new ProtocolError(type, `${topic}-${partition}: ${type}`, { definite: true, retriable: true });
  }

  /** The next question about this topic asks the brokers. */
  forgetTopic(topic: string): void {
    this.#topics.delete(topic);
  }

  async coordinator(kind: CoordinatorKind, key: string): Promise<number> {
    const known = this.#coordinators.get(`${kind}/${key}`);
    if (known !== undefined) return known;
    const nodeId = await this.sendToAny(findCoordinator(kind, key));
    if (!this.#nodes.has(nodeId)) await this.refresh();
    this.#coordinators.set(`${kind}/${key}`, nodeId);
    return nodeId;
  }

  forgetCoordinator(kind: CoordinatorKind, key: string): void {
    this.#coordinators.delete(`${kind}/${key}`);
  }

  /** Forgets all that leads to this broker: it is away, or was moved. */
  forgetNode(nodeId: number): void {
    for (const [name, { partitions }] of this.#topics) {
      if (partitions.some(({ leader }) => leader === nodeId)) this.#topics.delete(name);
    }
    for (const [key, node] of this.#coordinators) if (node === nodeId) this.#coordinators.delete(key);
  }

  /** Closes the connections of a lane. */
  async closeLane(lane: string): Promise<void> {
    const ends = [...this.#links].filter(([key]) => key.endsWith(`/${lane}`));
    for (const [key] of ends) this.#links.delete(key);
    await Promise.all(ends.map(([, link]) => link.close(closed())));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#links.values()].map((link) => link.close(closed())));
  }

  #link(host: string, port: number, lane: string): Link {
    if (this.isClosed) throw closed();
    const key = `${host}:${port}/${lane}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      const { clientId, ssl, sasl } = this.options;
      const timeouts = { connectTimeoutMs: CONNECT_TIMEOUT_MS, requestTimeoutMs: REQUEST_TIMEOUT_MS };
      link = new Link({ host, port, clientId, ssl, sasl, ...timeouts });
      this.#links.set(key, link);
    }
    return link;
  }

  #addresses(): readonly { host: string; port: number }[] {
    const seeds = this.options.brokers.map((broker) => {
      const colon = broker.lastIndexOf(':');
      return { host: broker.slice(0, colon), port: Number(broker.slice(colon + 1)) };
    });
    const all = [...this.#nodes.values(), ...seeds];
    const unique = new Map(all.map((address) => [`${address.host}:${address.port}`, address]));
    const connected = (address: { host: string; port: number }): boolean =>
      this.#links.get(`${address.host}:${address.port}/control`)?.isConnected === true;
    return [...unique.values()].sort((a, b) => Number(connected(b)) - Number(connected(a)));
  }

  #startRefresh(): Promise<void> {
    this.#refreshing = this.#refresh().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #refresh(): Promise<void> {
    const topics = [...this.#wanted];
    this.#wanted = new Set();
    this.#adopt(await this.sendToAny(metadata(topics)));
  }

  #adopt({ brokers, clusterId, controllerId, topics }: Metadata): void {
    this.#nodes = new Map(brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    this.#clusterId = clusterId ?? undefined;
    this.#controllerId = controllerId;
    for (const topic of topics) {
      if (topic.errorCode === 0) this.#topics.set(topic.topic, topic);
      else this.#topics.delete(topic.topic);
    }
  }

  #knownLeader(topic: string, partition: number): number | undefined {
    const known = this.#topics.get(topic)?.partitions.find((candidate) => candidate.partition === partition);
    const leader = known?.leader ?? -1;
    return leader >= 0 && this.#nodes.has(leader) ? leader : undefined;
  }
}

export function closed(): FreshetError {
  return new FreshetError('CLOSED', 'the Kafka client is closed');
}
