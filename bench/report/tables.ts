import type { BurstValues } from '../burst.ts';
import type { EngineValues } from '../engine.ts';
import type { GrowthValues } from '../growth.ts';
import type { IdentityValues } from '../identity.ts';
import type { PipelineValues } from '../pipeline.ts';
import type { ProofValues } from '../proof.ts';
import type { SegmentsValues } from '../segments.ts';
import { type Latency, median, type Spread } from '../support/statistics.ts';
import { chainRatios, engineRatios } from './ratios.ts';

/** A table in Markdown, as the formatter writes it. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, 3, ...rows.map((row) => (row[i] ?? '').length)));
  const line = (cells: readonly string[]): string => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const tenth = (value: number): string => value.toFixed(1);
const between = (spread: Spread, show: (value: number) => string): string =>
  `${show(spread.median)} (${show(spread.least)}-${show(spread.most)})`;
const times = ({ p50, p95, p99, max }: Latency): string[] => [p50, p95, p99, max].map((value) => String(value));

export function engineTable(values: EngineValues): string {
  const rows = values.rows.map(({ name, cores, rate, cpu, brokerCpu, memory }) => [
    name,
    String(cores),
    between(rate, whole),
    between(cpu, tenth),
    tenth(brokerCpu.median),
    whole(memory.median),
  ]);
  const head = ['who', 'processes or threads', 'records/s', 'CPU µs per record', 'of the broker', 'memory, MiB'];
  const ratios = engineRatios(values).map(({ name, value }) => `${name} ${value.toFixed(2)}`);
  return `${table(head, rows)}\n\nAgainst the fastest Kafka Streams of the same row: ${ratios.join(', ')}.`;
}

export function throughputTable({ throughput }: PipelineValues): string {
  const rows = throughput.flatMap(({ segments, parts, whole: all }) =>
    [...parts, all].map(({ part, rate, cpu, brokerCpu }) => [String(segments), part, whole(rate), tenth(cpu), tenth(brokerCpu)]),
  );
  return table(['segments', 'part', 'events/s', 'CPU µs per event', 'of the broker'], rows);
}

export function latencyTable(values: PipelineValues): string {
  const rows = [
    ...values.chain.flatMap(({ rate, membership, sinceAccepted, mail }) => [
      [`chain, sent → membership readable`, String(rate), ...times(membership)],
      [`chain, accepted → membership readable`, String(rate), ...times(sinceAccepted)],
      [`chain, sent → mail at the mail server`, String(rate), ...times(mail)],
    ]),
    ...values.hop.map(({ rate, commitMs, hop }) => [
      `one hop of Kafka Streams, commit every ${commitMs} ms`,
      String(rate),
      ...times(hop),
    ]),
  ];
  const ratios = chainRatios(values).map(({ name, value }) => `${name} ${value.toFixed(2)}`);
  const head = ['what', 'events/s', 'p50 ms', 'p95', 'p99', 'max'];
  return `${table(head, rows)}\n\nThe chain over that one hop: ${ratios.join(', ')}.`;
}

export function growthTable({ rows }: GrowthValues): string {
  const head = ['customers', 'segments', 'partitions', 'processes', 'events/s', 'CPU µs', 'memory, MiB'];
  const more = ['store bytes a customer', 'warm start, s', 'after kill -9', 'without stores'];
  return table(
    [...head, ...more],
    rows.map((row) => [
      ...[row.customers, row.segments, row.partitions, row.instances, row.rate].map(whole),
      tenth(row.cpu),
      whole(row.memory),
      whole(row.storeBytesPerCustomer),
      ...[row.warmStart, row.afterKill, row.coldStart].map(tenth),
    ]),
  );
}

export function proofTable({ events, rows }: ProofValues): string {
  const [both] = rows;
  const head = ['customers', 'events/s', 'beside both', 'CPU µs per event'];
  const cells = rows.map(({ variant, rate, cpu }) => [
    variant,
    whole(rate),
    (rate / (both?.rate || Number.NaN)).toFixed(2),
    tenth(cpu),
  ]);
  return `${table(head, cells)}\n\n${whole(events)} events in each turn.`;
}

export function segmentsTable(values: SegmentsValues): string {
  const head = [
    'segments',
    'customers',
    'events',
    'CPU µs per event',
    'events/s',
    'memory, MiB',
    'store, MB',
    'bytes a customer',
    'restored in, s',
  ];
  const rows = values.rows.map((row) => [
    ...[row.segments, row.customers, row.events].map(whole),
    tenth(row.cpu),
    ...[row.rate, row.memory, (row.storeBytesPerCustomer * row.customers) / 1e6, row.storeBytesPerCustomer].map(whole),
    tenth(row.coldStart),
  ]);
  return `${table(head, rows)}\n\n${costsOfSegments(values)}`;
}

/** What more segments cost beside fewer: CPU of an event as a ratio, and bytes of each further leaf for each customer. */
export function costsOfSegments({ rows }: SegmentsValues): string {
  const [first] = rows;
  if (first === undefined) return '';
  const told = rows.slice(1).map((row) => {
    const more = row.segments - first.segments;
    const bytes = (row.storeBytesPerCustomer - first.storeBytesPerCustomer) / more;
    const times = `${(row.cpu / first.cpu).toFixed(2)} times the CPU of ${first.segments}`;
    return `${row.segments} segments: ${times}, ${bytes.toFixed(1)} bytes a customer for each further leaf`;
  });
  return `${told.join('; ')}.`;
}

export function burstTable(values: BurstValues): string {
  const { changes, changesPerSecond, cpu, mails, mailsPerSecond, caughtUp } = values;
  const row = [changes, changesPerSecond, cpu, mails, mailsPerSecond, caughtUp].map(whole);
  return table(['membership changes', 'changes/s', 'CPU µs each', 'mails', 'mails/s', 'last mail after, s'], [row]);
}

export interface RestoreValues {
  readonly customers: number;
  readonly runs: Readonly<
    Record<string, readonly { recordsPerSecond: number; megabytesPerSecond: number; cpu: number; memory: number }[]>
  >;
}

export function restoreTable({ runs }: RestoreValues): string {
  const rows = Object.entries(runs).map(([name, all]) => [
    name,
    whole(median(all.map(({ recordsPerSecond }) => recordsPerSecond))),
    tenth(median(all.map(({ megabytesPerSecond }) => megabytesPerSecond))),
    tenth(median(all.map(({ cpu }) => cpu))),
    whole(median(all.map(({ memory }) => memory))),
  ]);
  return table(['who', 'records/s', 'MB/s', 'CPU µs per record', 'memory, MiB'], rows);
}

export function identityTable({ steady, rows }: IdentityValues): string {
  const shown = rows.map(({ size, messages, bytes, markers, reports }) => [
    String(size),
    tenth(messages),
    whole(bytes),
    tenth(markers),
    tenth(reports),
  ]);
  const head = ['identifiers of each', 'messages', 'their bytes', 'markers in events.identified', 'reports'];
  const told = `${whole(steady.events)} events of ${whole(steady.customers)} known customers: ${steady.messages} messages beyond the events themselves.`;
  return `${told} Of one merge:\n\n${table(head, shown)}`;
}
