import { partitionFor } from '../../../runtime/partition.ts';
import type { Kafka } from '../../../runtime/kafka/contract.ts';
import { jsonSerdes } from '../../../runtime/testing/json-serdes.ts';
import { prefixedNames } from '../../../runtime/environment.ts';
import { MemoryBroker } from '../../../runtime/testing/memory-kafka.ts';
import type { ActivationOutcome, ActivationRequest } from '../../../schemas/generated/types.ts';
import { topics as allTopics } from '../../../schemas/topics.ts';
import type { Delivery, DeliveryContext, OnUnknown, Sink } from '../contract.ts';
import { ledgerTopic } from '../ledger.ts';
import type { SinkOptions } from '../options.ts';
import { runSink } from '../run-sink.ts';
import type { RunningSink } from '../run-sink.ts';
import { ManualTiming } from './manual-timing.ts';

const { activationsRequested, activationsOutcomes, eventsRejected } = allTopics;
const topics = [activationsRequested, activationsOutcomes, eventsRejected, ledgerTopic('test')].map(({ name }) => name);
const PARTITIONS = 4;

export interface Delivered {
  readonly id: string;
  readonly to: string;
  readonly attempt: number;
  readonly at: number;
}

/** A broker, a manual clock and a sink that notes what it is asked to send. */
export class SinkWorld {
  readonly broker: MemoryBroker;
  readonly timing = new ManualTiming();
  readonly delivered: Delivered[] = [];
  readonly counts = new Map<string, number>();
  /** How the receiver answers. */
  answer: (request: ActivationRequest, context: DeliveryContext) => Promise<Delivery> = async (request) => ({
    kind: 'sent',
    reference: `<${request.id}>`,
  });
  onUnknown: OnUnknown = 'repeat';

  constructor() {
    this.broker = new MemoryBroker({ clock: this.timing, topics: Object.fromEntries(topics.map((name) => [name, PARTITIONS])) });
  }

  get sink(): Sink {
    return {
      channel: 'test',
      onUnknown: this.onUnknown,
      deliver: async (request, context) => {
        this.delivered.push({ id: request.id, to: request.to, attempt: context.attempt, at: this.timing.now() });
        return this.answer(request, context);
      },
    };
  }

  run(more: Partial<SinkOptions> = {}, kafka: Kafka = this.broker.client()): Promise<RunningSink> {
    return runSink({
      kafka,
      sink: this.sink,
      serdes: jsonSerdes,
      names: prefixedNames(''),
      partitions: PARTITIONS,
      timing: this.timing,
      count: (name) => void this.counts.set(name, (this.counts.get(name) ?? 0) + 1),
      ...more,
    });
  }

  /** `hops`: the header of the record that tells its way. */
  request(id: string, more: Partial<ActivationRequest> = {}, hops?: string): void {
    const now = this.timing.now();
    const request: ActivationRequest = {
      id,
      customer: `c_${id}`,
      activation: 'hello',
      channel: 'test',
      to: `${id}@example.com`,
      template: 'hello',
      data: '{}',
      membership: `m_${id}`,
      segment: 'some',
      reason: 'because',
      requestedAt: now,
      occurredAt: now - 2000,
      expiresAt: now + 600_000,
      cause: { kind: 'event', messageId: null, event: null, after: null, corrects: null },
      proof: { now, lagMs: 0, sources: [], hops: [], tables: [] },
      ...more,
    };
    const key = Buffer.from(request.to);
    const value = Buffer.from(JSON.stringify(request));
    this.broker.append(activationsRequested.name, partitionFor(key, PARTITIONS), [
      { key, value, headers: hops === undefined ? {} : { hops: Buffer.from(hops) } },
    ]);
  }

  append(value: Buffer): void {
    this.broker.append(activationsRequested.name, 1, [{ key: Buffer.from('k'), value }]);
  }

  outcomes(id?: string): readonly ActivationOutcome[] {
    const records = this.broker.records(activationsOutcomes.name);
    const all = records.map(({ value }) => JSON.parse(value?.toString('utf8') ?? '') as ActivationOutcome);
    return id === undefined ? all : all.filter((outcome) => outcome.id === id);
  }

  /** The last status of each request. */
  statuses(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.outcomes().map(({ id, status }) => [id, status]));
  }

  /** Moves time on until every one of these requests has come to an end. */
  async settled(...ids: readonly string[]): Promise<void> {
    await this.timing.until(() => ids.every((id) => !['attempting', undefined].includes(this.statuses()[id])));
  }

  async stop(running: RunningSink): Promise<void> {
    let stopped = false;
    const done = running.stop().then(() => (stopped = true));
    await this.timing.until(() => stopped);
    await done;
  }
}
