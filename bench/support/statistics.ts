/** The value below which the fraction `at` (0 to 1) of the sorted values lies; NaN of none. */
export function percentile(sorted: readonly number[], at: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))] ?? Number.NaN;
}

export function sorted(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

export function median(values: readonly number[]): number {
  const all = sorted(values);
  const half = all.length >> 1;
  return all.length % 2 === 1 ? (all[half] ?? Number.NaN) : ((all[half - 1] ?? Number.NaN) + (all[half] ?? Number.NaN)) / 2;
}

/** What was measured several times: the middle, and between what. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

/** Latencies in milliseconds as they are told. */
export interface Latency {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export function latency(values: readonly number[]): Latency {
  const all = sorted(values);
  const at = (part: number): number => Math.round(percentile(all, part) * 10) / 10;
  return { count: all.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}
