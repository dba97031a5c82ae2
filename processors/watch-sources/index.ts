import type { Producer } from '../../runtime/kafka/contract.ts';
import { partitionFor } from '../../runtime/partition.ts';
import type { Serde } from '../../runtime/topic.ts';
import { SourceWatcher, type SourceReading, type SourceWatcherOptions } from '../../runtime/watermarks/source-watcher.ts';
import type { Cadence } from '../../schemas/config.ts';
import type { SourceFreshness } from '../../schemas/generated/types.ts';
import { freshnessReport } from './status.ts';

export interface WatchSourcesOptions extends Omit<SourceWatcherOptions, 'onReadings'> {
  readonly cadences: ReadonlyMap<string, Cadence>;
  readonly producer: Producer;
  readonly serde: Serde<SourceFreshness>;
  /** Physical name of the topic of reports, and its number of partitions. */
  readonly reports: { readonly topic: string; readonly partitions: number };
  readonly onError: (error: unknown) => void;
}

/** Reports unchanged statuses again after this long, broker milliseconds. */
const REPEAT_MS = 5000;

/**
 * Moves the clocks of the sources, and reports on each when its status changes and every few seconds. Unlike the others
 * it reads no records: its input is the control topic, which every process holds as a table.
 */
export function watchSources(options: WatchSourcesOptions): SourceWatcher {
  const reported = new Map<string, SourceFreshness>();
  const report = (reading: SourceReading): void => {
    const { source } = reading.clock;
    const before = reported.get(source);
    const now = freshnessReport(reading, options.cadences.get(source) ?? { kind: 'realtime' }, before);
    if (!Number.isFinite(reading.tick) || (before?.status === now.status && now.at - before.at < REPEAT_MS)) return;
    reported.set(source, now);
    const { topic, partitions } = options.reports;
    const record = { key: Buffer.from(source), value: options.serde.encode(now) };
    options.producer.send({ topic, partition: partitionFor(source, partitions), records: [record] }).catch(options.onError);
  };
  return new SourceWatcher({ ...options, onReadings: (readings) => readings.forEach(report) });
}
