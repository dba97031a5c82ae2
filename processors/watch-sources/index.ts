import type { Producer } from '../../runtime/kafka/contract.ts';
import { partitionFor } from '../../runtime/partition.ts';
import type { Serde } from '../../runtime/topic.ts';
import { SourceWatcher, type SourceReading, type SourceWatcherOptions } from '../../runtime/watermarks/source-watcher.ts';
import type { SourceFreshness } from '../../schemas/generated/types.ts';
import { type Declared, freshnessReport } from './status.ts';

export interface WatchSourcesOptions extends Omit<SourceWatcherOptions, 'onReadings'> {
  /** What is declared of each source, by name. */
  readonly declared: ReadonlyMap<string, Declared>;
  readonly producer: Producer;
  readonly serde: Serde<SourceFreshness>;
  /** Physical name of the topic of reports, and its number of partitions. */
  readonly reports: { readonly topic: string; readonly partitions: number };
  /** Hears of every look at a source, about once a second; `before` is set when its status has changed. */
  readonly onReport?: (report: SourceFreshness) => void;
  /** The last reports that were published, of an earlier run or of whoever had this work before; none when left out. */
  readonly lastReports?: () => Promise<readonly SourceFreshness[]>;
  readonly onError: (error: unknown) => void;
}

/** Reports unchanged statuses again after this long, broker milliseconds. */
const REPEAT_MS = 5000;

/**
 * Moves the clocks of the sources, and reports on each when its status changes and every few seconds, also when nothing
 * comes of it at all. Unlike the others it reads no records: its input is the control topic, which every process holds as a
 * table.
 */
export function watchSources(options: WatchSourcesOptions): SourceWatcher {
  return new SourceWatcher({ ...options, onReadings: sourceReporter(options) });
}

type ReporterOptions = Pick<
  WatchSourcesOptions,
  'declared' | 'producer' | 'serde' | 'reports' | 'onReport' | 'lastReports' | 'onError'
>;

/**
 * Publishes what there is to say of the readings of all sources. Whoever begins, or begins again, goes on from the last
 * reports: a status that changed while nobody looked has changed, and one that did not holds since it began.
 */
export function sourceReporter(options: ReporterOptions): (readings: readonly SourceReading[]) => void {
  const reported = new Map<string, SourceFreshness>();
  const publish = (report: SourceFreshness): void => {
    const { topic, partitions } = options.reports;
    const record = { key: Buffer.from(report.source), value: options.serde.encode(report) };
    const partition = partitionFor(report.source, partitions);
    options.producer.send({ topic, partition, records: [record] }).catch(options.onError);
  };
  let lookedAt = Number.NEGATIVE_INFINITY;
  let isReading = false;
  const takeUp = async (last: () => Promise<readonly SourceFreshness[]>): Promise<void> => {
    isReading = true;
    try {
      for (const report of await last()) reported.set(report.source, report);
    } catch (error) {
      options.onError(error);
    } finally {
      isReading = false;
    }
  };
  return (readings) => {
    const tick = Math.max(Number.NEGATIVE_INFINITY, ...readings.map((reading) => reading.tick));
    const isNew = tick - lookedAt > 2 * REPEAT_MS;
    lookedAt = tick;
    if (isNew && options.lastReports) void takeUp(options.lastReports);
    if (isReading) return;
    const watermarks = new Map(readings.filter(({ ended }) => !ended).map(({ clock, watermark }) => [clock.source, watermark]));
    for (const reading of readings) {
      const { source } = reading.clock;
      const declared = options.declared.get(source);
      if (!declared || !Number.isFinite(reading.tick)) continue;
      const last = reported.get(source);
      const report = freshnessReport(reading, declared, last, (name) => watermarks.get(name));
      options.onReport?.(report);
      if (last?.status === report.status && report.at - last.at < REPEAT_MS) continue;
      reported.set(source, report);
      publish(report);
    }
  };
}
