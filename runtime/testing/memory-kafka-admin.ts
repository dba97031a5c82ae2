import { FreshetError } from '../errors.ts';
import type { Admin } from '../kafka/contract.ts';
import { tpKey } from '../record.ts';
import type { TopicPartition } from '../record.ts';
import type { TopicSpec } from '../topic.ts';
import type { PartitionLog } from './memory-kafka-log.ts';
import type { FaultyCall } from './memory-kafka-faults.ts';
import type { MemoryBroker } from './memory-kafka.ts';

/** Topics and offsets of the in-memory broker. */
export class MemoryAdmin implements Admin {
  readonly #broker: MemoryBroker;

  constructor(broker: MemoryBroker) {
    this.#broker = broker;
  }

  async clusterId(): Promise<string> {
    return this.#broker.clusterId;
  }

  async createTopics(specs: readonly TopicSpec[]): Promise<void> {
    for (const spec of specs) {
      this.#broker.faults.check('createTopics', 'before', spec.name);
      const found = this.#broker.spec(spec.name);
      if (found === undefined) this.#broker.create(spec);
      else if (found.partitions !== spec.partitions) throw topicMismatch(spec, found.partitions);
    }
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    for (const name of names) this.#broker.delete(name);
  }

  async topics(): Promise<readonly string[]> {
    return this.#broker.topicNames();
  }

  async partitions(topic: string): Promise<number | undefined> {
    this.#broker.faults.check('partitions', 'before', topic);
    return this.#broker.spec(topic)?.partitions;
  }

  endOffsets(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>> {
    return this.#offsets('endOffsets', partitions, (log) => log.end);
  }

  stableOffsets(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>> {
    return this.#offsets('endOffsets', partitions, (log) => log.lastStable);
  }

  startOffsets(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>> {
    return this.#offsets('startOffsets', partitions, (log) => log.start);
  }

  async commitOffsets(group: string, offsets: readonly (TopicPartition & { offset: number })[]): Promise<void> {
    for (const { topic } of offsets) this.#broker.faults.check('commitOffsets', 'before', topic);
    this.#broker.commit(group, offsets);
  }

  async #offsets(
    call: FaultyCall,
    partitions: readonly TopicPartition[],
    offsetOf: (log: PartitionLog) => number,
  ): Promise<ReadonlyMap<string, number>> {
    const offsets = new Map<string, number>();
    for (const { topic, partition } of partitions) {
      this.#broker.faults.check(call, 'before', topic);
      const log = this.#broker.find({ topic, partition });
      if (log === undefined)
        throw new FreshetError('BROKER_UNAVAILABLE', `there is no ${topic}-${partition}`, { retryable: true });
      offsets.set(tpKey(topic, partition), offsetOf(log));
    }
    await this.#broker.schedule.wait(this.#broker.schedule.turns('lateAnswers'));
    return offsets;
  }
}

function topicMismatch({ name, partitions }: TopicSpec, found: number): FreshetError {
  const advice = 'give the deployment that number, or another prefix, or delete the topic';
  return new FreshetError('TOPIC_MISMATCH', `topic ${name} has ${found} partitions, ${partitions} are wanted: ${advice}`);
}
