import type { Kafka } from '../../../runtime/kafka/contract.ts';
import { readKept, stateTopic } from '../kept-state.ts';

/** How far a source has read what asks, and what of its budget is spent; committed with the answers. */
export interface EnrichState {
  /** Next offset by partition of events.tagged: what lies before has been dealt with. */
  readonly offsets: Readonly<Record<string, number>>;
  /** Calls since the period of the budget began. */
  readonly period: { readonly since: number; readonly calls: number };
}

/** An answer that is kept. `answer` null: the other side knows nothing of it. */
export interface Kept {
  readonly answer: unknown;
  /** Broker time, epoch milliseconds. */
  readonly askedAt: number;
}

/** Of each source that asks third parties, how far it is and what it has been answered lately. */
export const enrichmentsTopic = stateTopic(
  'sources.enrichments',
  'source, or source/opaque key of what was asked about',
  'How far each enrichment has read what asks, and its answers while they are fresh; see connectors/sources/enrich.',
);

export const answerKey = (source: string, hash: string): string => `${source}/${hash}`;

/** Both as they were committed last, the answers in the order in which they were asked for. */
export async function readEnrichState(
  kafka: Kafka,
  topic: string,
  partitions: number,
  source: string,
): Promise<{ readonly state: EnrichState | undefined; readonly kept: readonly (readonly [string, Kept])[] }> {
  const found = await readKept(kafka, topic, partitions, source);
  const own = found.get(source);
  const before = answerKey(source, '');
  const kept = [...found].flatMap(([key, value]) =>
    key.startsWith(before) ? [[key.slice(before.length), JSON.parse(value.toString('utf8')) as Kept] as const] : [],
  );
  return {
    state: own === undefined ? undefined : (JSON.parse(own.toString('utf8')) as EnrichState),
    kept: kept.sort(([, a], [, b]) => a.askedAt - b.askedAt),
  };
}
