import type { Context } from '../../runtime/processor.ts';
import type { StreamRecord } from '../../runtime/record.ts';
import type { BatchWord } from '../../runtime/watermarks/source-batches.ts';
import type { SourceConfig } from '../../schemas/config.ts';
import type { TaggedEvent } from '../../schemas/generated/types.ts';
import { createRawDecoder } from '../../schemas/raw-decoder.ts';
import { MemoryRegistry } from '../../schemas/registry/memory.ts';
import { compileSource } from '../../schemas/source-schema.ts';
import { tagFreshness } from './index.ts';

/** A source as a workspace would declare it; a topic named `tills` unless said otherwise. */
export function sourceOf(more: Readonly<Record<string, unknown>> = {}): SourceConfig {
  const input = 'endpoint' in more || 'file' in more || 'files' in more ? {} : { topic: {} };
  return compileSource({ source: 'tills', description: 'Tills', owner: 'sales', ...input, ...more }, {});
}

export const site = sourceOf({ source: 'site', endpoint: { write_keys: [`sha256:${'0'.repeat(64)}`] } });

/** What the processor did with one record. */
export interface Tagging {
  readonly events: readonly {
    readonly key: string;
    readonly value: TaggedEvent;
    readonly headers: Readonly<Record<string, string>>;
  }[];
  readonly rejected: readonly string[];
  readonly counted: readonly string[];
  readonly vouched: readonly { readonly source: string; readonly word: BatchWord }[];
}

export const appendedAt = Date.UTC(2024, 0, 2, 12);

/** Runs the processor over one record: `value` as JSON, of the source's own topic, or of events.raw for an endpoint. */
export function tag(source: SourceConfig, value: unknown, headers: Readonly<Record<string, string>> = {}): Tagging {
  const rawDecoder = createRawDecoder({ registry: new MemoryRegistry() });
  const processor = tagFreshness({ sources: [source], secret: 'secret', rawDecoder });
  const isEndpoint = source.input.kind === 'endpoint';
  const given = { ...(isEndpoint ? { source: source.name } : {}), ...headers };
  const record: StreamRecord = {
    topic: isEndpoint ? 'events.raw' : `raw.${source.name}`,
    partition: 1,
    offset: 7,
    timestamp: appendedAt,
    key: '',
    value: Buffer.isBuffer(value) || value === null ? value : Buffer.from(JSON.stringify(value)),
    headers: Object.fromEntries(Object.entries(given).map(([name, text]) => [name, Buffer.from(text)])),
  };
  const events: Tagging['events'][number][] = [];
  const rejected: string[] = [];
  const counted: string[] = [];
  const vouched: Tagging['vouched'][number][] = [];
  const context: Omit<Context, 'state'> = {
    task: { processor: processor.name, partition: record.partition },
    tick: appendedAt,
    vouch: (source, word) => void vouched.push({ source, word }),
    endOf: () => undefined,
    watermark: () => Number.NEGATIVE_INFINITY,
    clock: () => Number.NEGATIVE_INFINITY,
    forward: (_, key, value, headers = {}) => void events.push({ key, value: value as TaggedEvent, headers }),
    reject: (step, reason) => void rejected.push(`${step}: ${reason}`),
    count: (name, labels = {}) => void counted.push([name, ...Object.values(labels)].join(' ')),
  };
  processor.process(record, context as Context);
  return { events, rejected, counted, vouched };
}

/** The one event of a record that must give one. */
export function tagged(source: SourceConfig, value: unknown, headers?: Readonly<Record<string, string>>): TaggedEvent {
  const { events, rejected } = tag(source, value, headers);
  const only = events[0];
  if (only === undefined || events.length > 1) throw new Error(`expected one event, found ${events.length}: ${rejected.join()}`);
  return only.value;
}
