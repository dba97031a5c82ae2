import type { Context, KeyState, Processor } from '../runtime/processor.ts';
import type { ProduceRecord, TopicPartition } from '../runtime/record.ts';

const none: KeyState = { get: () => undefined, set: () => undefined, delete: () => undefined, parts: () => [] };

/** What a processor without state would say against a record: `step: reason`; undefined if it would take it. Has no effect. */
export function refusalOf(
  processor: Processor,
  { topic, partition, key, value, headers = {}, timestamp }: ProduceRecord & TopicPartition & { readonly timestamp: number },
): string | undefined {
  let refusal: string | undefined;
  const context: Context = {
    task: { processor: processor.name, partition },
    state: none,
    tick: timestamp,
    forward: () => undefined,
    reject: (step, reason) => (refusal = `${step}: ${reason}`),
    watermark: () => Number.NEGATIVE_INFINITY,
    vouch: () => undefined,
    endOf: () => undefined,
    clock: () => Number.NEGATIVE_INFINITY,
    count: () => undefined,
  };
  const record = { topic, partition, offset: -1, timestamp, key: key?.toString('utf8') ?? '', value, headers };
  try {
    processor.process(record, context);
  } catch (error) {
    return `process: ${error instanceof Error ? error.message : String(error)}`;
  }
  return refusal;
}
