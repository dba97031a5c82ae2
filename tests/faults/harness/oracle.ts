import { partitionFor } from '../../../runtime/partition.ts';
import { decodeCell, partId, POSITION_ID } from '../../../runtime/state/layout.ts';
import { keyOfSpread, type Numbered, PARTITIONS, type Value, wakes } from '../hosts/topology.ts';
import type { Parts } from './state-reader.ts';

/** A record as somebody read it. */
export interface Row<V extends Value = Value> {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: V;
}

/** All that is known of a run when it is over. Events are `source/seq`. */
export interface History {
  readonly sent: ReadonlySet<string>;
  readonly acked: ReadonlySet<string>;
  /** All topics as Kafka's own client reads them afterwards. */
  readonly committed: readonly Row[];
  /** The outputs as our client read them while everything went on. */
  readonly live: readonly Row[];
  readonly stores: ReadonlyMap<string, Parts>;
  readonly changelogs: ReadonlyMap<string, Parts>;
}

/** Counts of violations; RELIABILITY calls them by these names. */
export interface Verdict {
  /** Acknowledged, but not in the log; in the log, but not in an output; committed, but never read by us. */
  readonly lost: number;
  readonly duplicated: number;
  /** In the log though never sent, or in an output though never in its input. */
  readonly phantom: number;
  /** Later sent but earlier there, under one key. */
  readonly outOfOrder: number;
  /** Read by us though never committed. */
  readonly abortedReads: number;
  /** Outputs whose content is not what the log says. */
  readonly wrong: number;
  /** Timers that fired before something that had happened earlier. */
  readonly early: number;
  readonly stateDiff: number;
  readonly changelogDiff: number;
}

const idOf = ({ value }: Row): string => `${value.source}/${value.seq}`;

/** Recomputes from the raw log alone what every topic and store must hold, and counts what differs. */
export function judge(history: History): Verdict {
  const { sent, acked, committed, live } = history;
  const rows = <K extends Value['kind']>(kind: K): Row<Extract<Value, { kind: K }>>[] => {
    const found = committed.filter((row): row is Row<Extract<Value, { kind: K }>> => row.value.kind === kind);
    return found.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
  };
  const [numbers, echoes, spread, counted, fired] = [
    rows('number'),
    rows('echo'),
    rows('spread'),
    rows('counted'),
    rows('fired'),
  ];
  const ids = (list: readonly Row[]): Set<string> => new Set(list.map(idOf));
  const logged = ids(numbers);
  const model = replay(numbers);

  const flows: [Set<string>, readonly Row[]][] = [
    [logged, echoes],
    [logged, spread],
    [ids(spread), counted],
    [ids(spread.filter(({ value }) => wakes(value.seq))), fired],
  ];
  let lost = missing(acked, logged);
  let phantom = missing(logged, sent);
  let duplicated = numbers.length - logged.size;
  for (const [from, to] of flows) {
    lost += missing(from, ids(to));
    phantom += missing(ids(to), from);
    duplicated += to.length - ids(to).size;
  }

  const place = (row: Row): string => `${row.topic} ${row.partition} ${row.offset} ${row.key} ${JSON.stringify(row.value)}`;
  const outputs = new Set(committed.filter(({ value }) => value.kind !== 'number').map(place));
  const handed = new Set(live.map(place));
  duplicated += live.length - handed.size;
  lost += missing(outputs, handed);

  const nths = new Map<string, number>();
  for (const { key, value } of spread) {
    const nth = (nths.get(key) ?? 0) + 1;
    nths.set(key, nth);
    model.results.set(`${value.source}/${value.seq}`, `${key} ${nth}`);
  }
  const wrong =
    spread.filter((row) => model.spread.get(idOf(row)) !== `${row.key} ${row.value.from} ${row.value.count} ${row.value.sum}`)
      .length +
    counted.filter((row) => model.results.get(idOf(row)) !== `${row.key} ${row.value.nth}`).length +
    echoes.filter((row) => model.keys.get(idOf(row)) !== row.key).length;

  const expected = new Map<string, Map<string, unknown>>();
  const expect = (processor: string, key: string, part: string, value: unknown): void => {
    const task = `${processor}-${partitionFor(key, PARTITIONS)}`;
    expected.set(task, (expected.get(task) ?? new Map<string, unknown>()).set(partId(key, part), value));
  };
  for (const [key, sum] of model.sums) expect('sum-numbers', key, 'sum', sum);
  for (const [key, nth] of nths) expect('count-spread', key, 'count', nth);

  return {
    lost,
    duplicated,
    phantom,
    outOfOrder:
      disorder(numbers, ({ key }) => key) +
      disorder(echoes, ({ key }) => key) +
      disorder(spread, ({ key, value }) => `${value.from} ${key}`) +
      disorder(counted, ({ key, value }) => `${value.from} ${key}`),
    abortedReads: missing(handed, outputs),
    wrong,
    early: earlyOnes([...counted, ...fired]),
    stateDiff: stateDifferences(history.stores, expected),
    changelogDiff: [...history.changelogs].reduce(
      (sum, [task, parts]) => sum + differences(texts(parts), texts(history.stores.get(task))),
      0,
    ),
  };
}

/** The one line of a run. */
export function summary(faults: number, records: number, verdict: Verdict): string {
  const { lost, duplicated, outOfOrder, abortedReads, stateDiff } = verdict;
  return `faults ${faults}, records ${records}, lost ${lost}, duplicated ${duplicated}, out-of-order ${outOfOrder}, aborted-reads ${abortedReads}, state-diff ${stateDiff}`;
}

/** What a run must be judged. */
export const spotless: Verdict = {
  lost: 0,
  duplicated: 0,
  phantom: 0,
  outOfOrder: 0,
  abortedReads: 0,
  wrong: 0,
  early: 0,
  stateDiff: 0,
  changelogDiff: 0,
};

function missing(wanted: ReadonlySet<string>, found: ReadonlySet<string>): number {
  return [...wanted].filter((id) => !found.has(id)).length;
}

/** What the first processor makes of the numbers, record by record. */
function replay(numbers: readonly Row<Numbered>[]) {
  const sums = new Map<string, { count: number; sum: number }>();
  const spread = new Map<string, string>();
  const keys = new Map<string, string>();
  for (const row of numbers) {
    const before = sums.get(row.key) ?? { count: 0, sum: 0 };
    const after = { count: before.count + 1, sum: before.sum + row.value.amount };
    sums.set(row.key, after);
    keys.set(idOf(row), row.key);
    spread.set(idOf(row), `${keyOfSpread(row.value.seq)} ${row.key} ${after.count} ${after.sum}`);
  }
  return { sums, spread, keys, results: new Map<string, string>() };
}

function disorder<R extends Row>(rows: readonly R[], group: (row: R) => string): number {
  const last = new Map<string, number>();
  let count = 0;
  for (const row of rows) {
    const key = group(row);
    if (row.value.seq <= (last.get(key) ?? -1)) count += 1;
    last.set(key, row.value.seq);
  }
  return count;
}

/** Counted after a timer of its task's that was due no earlier than it had happened. */
function earlyOnes(rows: readonly Row[]): number {
  const firedUpTo = new Map<number, number>();
  let count = 0;
  for (const { partition, value } of [...rows].sort((a, b) => a.partition - b.partition || a.offset - b.offset)) {
    if (value.kind === 'fired') firedUpTo.set(partition, Math.max(firedUpTo.get(partition) ?? 0, value.at));
    else if (value.kind === 'counted' && value.at <= (firedUpTo.get(partition) ?? 0)) count += 1;
  }
  return count;
}

function stateDifferences(
  stores: ReadonlyMap<string, Parts>,
  expected: ReadonlyMap<string, ReadonlyMap<string, unknown>>,
): number {
  let count = 0;
  for (const task of new Set([...stores.keys(), ...expected.keys()])) {
    const actual = [...(stores.get(task) ?? [])].filter(([id]) => id !== POSITION_ID);
    const cells = new Map(actual.map(([id, bytes]) => [id, JSON.stringify(decodeCell(bytes).value)]));
    const wanted = new Map([...(expected.get(task) ?? [])].map(([id, value]) => [id, JSON.stringify(value)]));
    count += differences(cells, wanted);
  }
  return count;
}

/** Keys that are not in both with the same value. */
function differences(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): number {
  return [...new Set([...one.keys(), ...other.keys()])].filter((key) => one.get(key) !== other.get(key)).length;
}

function texts(parts: Parts | undefined): Map<string, string> {
  return new Map([...(parts ?? [])].map(([id, bytes]) => [id, bytes.toString('latin1')]));
}
