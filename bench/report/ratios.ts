import type { EngineRow, EngineValues } from '../engine.ts';
import type { PipelineValues } from '../pipeline.ts';
import type { ChainRow } from '../pipeline/chain.ts';
import type { HopRow } from '../pipeline/hop.ts';
import { median } from '../support/statistics.ts';

/** What is compared over time: never a time, always ours over theirs of one run. */
export interface Ratio {
  readonly name: string;
  readonly value: number;
  /** Share by which it could as well be something else, as the runs beside each other show. */
  readonly noise: number;
  readonly better: 'higher' | 'lower';
}

/** Records a second of ours over the fastest Kafka Streams of the same cores. */
export function engineRatios({ rows }: EngineValues): Ratio[] {
  const ours = rows.filter(({ name }) => name === 'freshet');
  return ours.flatMap((row) => {
    const rivals = rows.filter(({ name, cores }) => name.startsWith('Kafka Streams') && cores === row.cores);
    const rival = rivals.toSorted((a, b) => b.rate.median - a.rate.median)[0];
    if (!rival) return [];
    const value = row.rate.median / rival.rate.median;
    return [{ name: `engine on ${row.cores} cores`, value, noise: noiseOf(row) + noiseOf(rival), better: 'higher' as const }];
  });
}

/** Latency of the chain over that of one hop of Kafka Streams, both in turn. */
export function chainRatios({ chain, hop }: PipelineValues): Ratio[] {
  const ours = chain.filter(({ rate }) => rate === 500);
  const theirs = hop.filter(({ rate, commitMs }) => rate === 500 && commitMs === 100);
  if (ours.length === 0 || theirs.length === 0) return [];
  return (['p50', 'p99'] as const).map((pick) => {
    const a = ours.map((row: ChainRow) => row.membership[pick]);
    const b = theirs.map((row: HopRow) => row.hop[pick]);
    const noise = relative(a) + relative(b);
    return { name: `chain ${pick} at 500 events/s`, value: median(a) / median(b), noise, better: 'lower' };
  });
}

function noiseOf({ rate }: EngineRow): number {
  return (rate.most - rate.least) / rate.median / 2;
}

function relative(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values) / 2;
}
