import type { Processor } from '../../../runtime/processor.ts';
import type { Rejected } from '../../../runtime/record.ts';
import { testTopic } from '../../../runtime/testing/json-serdes.ts';
import type { Topic } from '../../../runtime/topic.ts';
import type { SourceClock } from '../../../runtime/watermarks/contract.ts';
import { FEED, SOURCE } from '../../../runtime/watermarks/stages.ts';

export const PARTITIONS = 4;

/** What the producer sends; `seq` counts up for each source, and a key belongs to one source. */
export interface Numbered {
  readonly kind: 'number';
  readonly source: number;
  readonly seq: number;
  readonly amount: number;
}
export interface Echo {
  readonly kind: 'echo';
  readonly source: number;
  readonly seq: number;
}
/** What the key's state was after the record; `at` is the broker time of the record, epoch milliseconds. */
export interface Spread {
  readonly kind: 'spread';
  readonly source: number;
  readonly seq: number;
  readonly from: string;
  readonly count: number;
  readonly sum: number;
  readonly at: number;
}
/** How many had come under the key. */
export interface Counted {
  readonly kind: 'counted';
  readonly source: number;
  readonly seq: number;
  readonly from: string;
  readonly nth: number;
  readonly at: number;
}
/** A timer of that number, which was due at `at`. */
export interface Fired {
  readonly kind: 'fired';
  readonly source: number;
  readonly seq: number;
  readonly at: number;
}
export type Value = Numbered | Echo | Spread | Counted | Fired;

/** The broker's time of a number is its event time. */
export const numbers: Topic<Numbered> = { ...testTopic<Numbered>('numbers'), timestamps: 'append' };
export const echoes = testTopic<Echo>('echoes');
export const spread = testTopic<Spread>('spread');
export const results = testTopic<Counted | Fired>('results');
export const rejected = testTopic<Rejected>('rejected');
export const CONTROL = 'progress';
/** Where the gateway writes, and what opens it. */
export const RAW = 'raw';
export const WRITE_KEY = 'WK';

export const clock: SourceClock = {
  source: 'numbers',
  liveness: { kind: 'idle-after', patienceMs: Number.POSITIVE_INFINITY },
  // The broker stamps a record before it is acknowledged, and only what is acknowledged holds a clock.
  latenessMs: 1_000,
};
/** Every twentieth number asks to be woken so long after it, milliseconds of broker time. */
const WAKE_AFTER_MS = 300;
export const wakes = (seq: number): boolean => seq % 20 === 0;
export const keyOfSpread = (seq: number): string => `r${seq % 41}`;

/** Counts and sums each key, echoes in order, and fans out under other keys. */
export const sumNumbers: Processor = {
  name: 'sum-numbers',
  inputs: [numbers],
  outputs: [echoes, spread],
  upstream: [FEED],
  parts: () => ['sum'],
  process: (record, context) => {
    const { source, seq, amount } = record.value as Numbered;
    const before = context.state.get<{ count: number; sum: number }>('sum') ?? { count: 0, sum: 0 };
    const after = { count: before.count + 1, sum: before.sum + amount };
    context.state.set('sum', after);
    context.forward(echoes, record.key, { kind: 'echo', source, seq });
    const value: Spread = { kind: 'spread', source, seq, from: record.key, ...after, at: record.timestamp };
    context.forward(spread, keyOfSpread(seq), value);
  },
};

/** The second hop: counts again, and wakes once when the clock of the numbers has passed. */
export const countSpread: Processor = {
  name: 'count-spread',
  inputs: [spread],
  outputs: [results],
  upstream: [SOURCE],
  parts: () => ['count'],
  process: (record, context) => {
    const { source, seq, from, at } = record.value as Spread;
    const nth = (context.state.get<number>('count') ?? 0) + 1;
    context.state.set('count', nth);
    context.forward(results, record.key, { kind: 'counted', source, seq, from, nth, at });
    if (!wakes(seq)) return;
    const due = at + WAKE_AFTER_MS;
    context.state.set(`wake-${source}-${seq}`, { source, seq, at: due }, { due: [{ clock: clock.source, at: due }] });
  },
  onTimer: (timer, context) => {
    const wake = context.state.get<Omit<Fired, 'kind'>>(timer.part);
    if (wake) context.forward(results, timer.key, { kind: 'fired', ...wake });
    context.state.delete(timer.part);
  },
};

export const processors = [sumNumbers, countSpread] as const;
