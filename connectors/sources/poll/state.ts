import type { Kafka, ProduceBatch } from '../../../runtime/kafka/contract.ts';
import { partitionFor } from '../../../runtime/partition.ts';
import { readKept, stateTopic } from '../kept-state.ts';

/** How far a source has been asked for: what the next question needs, wherever it is put. */
export interface PollState {
  readonly cursor: string;
  readonly etag: string | null;
  readonly lastModified: string | null;
  /** SHA-256 of the last answer, for sides that have neither. */
  readonly digest: string | null;
  /** Records of an answer of this digest that have been taken in, while there are more of it; null: it is done. */
  readonly partly: { readonly digest: string; readonly taken: number } | null;
  /** When the last question was asked, broker time, epoch milliseconds. */
  readonly askedAt: number;
}

/** Of each polled source the state after its last answer, in the transaction of the records that the answer held. */
export const pollsTopic = stateTopic(
  'sources.polls',
  'source',
  'How far each polled source has been asked for; see connectors/sources/poll.',
);

/** The record that says so; `topic` is the physical name. */
export function stateBatch(topic: string, partitions: number, source: string, state: PollState): ProduceBatch {
  const record = { key: Buffer.from(source), value: Buffer.from(JSON.stringify(state)) };
  return { topic, partition: partitionFor(source, partitions), records: [record] };
}

/** The last committed state of a source, undefined before the first. To be asked for once earlier owners are fenced. */
export async function readState(kafka: Kafka, topic: string, partitions: number, source: string): Promise<PollState | undefined> {
  const found = (await readKept(kafka, topic, partitions, source)).get(source);
  return found === undefined ? undefined : (JSON.parse(found.toString('utf8')) as PollState);
}
