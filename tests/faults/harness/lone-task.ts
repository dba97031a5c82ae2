import { systemClock } from '../../../runtime/clock.ts';
import { type Environment, prefixedNames } from '../../../runtime/environment.ts';
import type { Kafka, PartitionReader } from '../../../runtime/kafka/contract.ts';
import { noMetrics } from '../../../runtime/metrics.ts';
import type { Rejected } from '../../../runtime/record.ts';
import { tpKey } from '../../../runtime/record.ts';
import { memoryEngine } from '../../../runtime/state/memory.ts';
import { Task, type TaskState } from '../../../runtime/task.ts';
import { jsonSerdes, testTopic } from '../../../runtime/testing/json-serdes.ts';
import type { SerdeSource } from '../../../runtime/topic.ts';
import type { ClaimWriter } from '../../../runtime/watermarks/claims.ts';
import { ProgressTable } from '../../../runtime/watermarks/progress.ts';
import { Watched } from '../../conformance/kafka/harness.ts';

export interface Row {
  readonly topic: string;
  readonly n: number;
}

/** Of inputs that are not JSON. */
export const rowFormat = { kind: 'avro', schema: 'Row' } as const;

const none = async (): Promise<void> => undefined;
const claims: ClaimWriter = { claim: () => undefined, retire: () => undefined, tick: () => undefined, flush: none, close: none };

/** One real task on the first partition of some topics, that copies what it reads. */
export class LoneTask {
  readonly #kafka: Kafka;
  readonly #reader: PartitionReader;
  readonly #task: Task;
  readonly #done: Promise<void>;
  readonly #name: string;

  private constructor(kafka: Kafka, reader: PartitionReader, task: Task, name: string) {
    this.#kafka = kafka;
    this.#reader = reader;
    this.#task = task;
    this.#name = name;
    this.#done = task.run();
  }

  /** `values` reads the inputs where they are not JSON. */
  static async start(kafka: Kafka, name: string, inputs: readonly string[], values?: SerdeSource): Promise<LoneTask> {
    const out = testTopic<Row>(`${name}.out`);
    const rejected = testTopic<Rejected>(`${name}.rejected`);
    const config = {};
    await kafka.admin.createTopics(
      [out.name, rejected.name, `${name}.changelog`].map((topic) => ({ name: topic, partitions: 1, config })),
    );
    const reader = kafka.reader();
    const environment: Environment = {
      kafka,
      reader,
      serdes: { of: (topic) => (values && inputs.includes(topic.name) ? values.of(topic) : jsonSerdes.of(topic)) },
      names: prefixedNames(''),
      engine: memoryEngine(),
      clock: systemClock,
      clusterId: await kafka.admin.clusterId(),
      partitions: () => 1,
      sourceOfTopic: new Map(),
      rejected,
      progress: new ProgressTable(),
      claims,
      metrics: noMetrics,
      log: () => undefined,
      changelogDeleteRetentionMs: 24 * 60 * 60 * 1000,
    };
    const processor = {
      name,
      inputs: inputs.map((topic) => (values ? { ...testTopic<Row>(topic), format: rowFormat } : testTopic<Row>(topic))),
      outputs: [out],
      upstream: [],
      process: (
        record: { key: string; value: unknown },
        context: { forward: (topic: typeof out, key: string, value: Row) => void },
      ) => context.forward(out, record.key, record.value as Row),
    };
    return new LoneTask(kafka, reader, new Task(environment, processor, 0), name);
  }

  get state(): TaskState {
    return this.#task.state;
  }

  get failure(): unknown {
    return this.#task.failure;
  }

  /** What it has copied so far. */
  readonly outputs = (): Promise<readonly Row[]> => this.#read<Row>(`${this.#name}.out`);

  readonly rejected = (): Promise<readonly Rejected[]> => this.#read<Rejected>(`${this.#name}.rejected`);

  async stop(): Promise<void> {
    this.#task.stop();
    await this.#done;
    await this.#reader.close();
  }

  async #read<V>(topic: string): Promise<readonly V[]> {
    const at = { topic, partition: 0 };
    const end = (await this.#kafka.admin.endOffsets([at])).get(tpKey(topic, 0)) ?? 0;
    const reader = this.#kafka.reader();
    const records = await new Watched(reader, at).upTo(end);
    await reader.close();
    return records.map(({ value }) => JSON.parse(String(value)) as V);
  }
}
