import type { ReplayProgress } from '../connectors/sources/files/index.ts';
import type { ProcessorCounts, SpaceTotals } from './replay-totals.ts';

export interface ReplayReport {
  readonly read: ReplayProgress;
  /** Of this run: what an earlier one of the same space had processed is not in it. */
  readonly counts: ProcessorCounts;
  readonly space: SpaceTotals;
  /** How the requested messages ended, by status. */
  readonly outcomes: ReadonlyMap<string, number>;
}

/** What became of everything that was read, for people: what goes into a line comes out of it, under its reason. */
export function replayReport({ read, counts, space, outcomes }: ReplayReport): string[] {
  const count = (processor: string, kind: string): number => sum(reasonsOf(counts, processor, kind));
  const skippedRows = sum(new Map(Object.entries(read.skipped)));
  const taken = count('tag-freshness', 'in');
  const leftOut = reasonsOf(counts, 'tag-freshness', 'skipped');
  const refused = count('tag-freshness', 'rejected');
  const events = taken - sum(leftOut) - refused;
  const repeated = count('stitch-identity', 'duplicates');
  const would = sum(space.wouldSend);
  return [
    `${read.rows} rows of ${read.files.done} files: ${read.rows - read.duplicates - read.rejected - skippedRows} used, ` +
      `${read.duplicates} repeated, ${read.rejected} unusable, ${skippedRows} not wanted${list(new Map(Object.entries(read.skipped)))}`,
    `${read.records} records made of them${read.written === 0 ? '' : `, ${read.written} of them by an earlier run`}`,
    `${taken} records${taken === read.records ? '' : ' processed by this run'}: ` +
      `${events} events, ${sum(leftOut)} left out${list(leftOut)}, ${refused} rejected`,
    `${events} events: ${events - repeated} taken, ${repeated} repeated`,
    ...noted(counts),
    ...[...space.segments].map(
      ([segment, { members, entered, left }]) => `segment ${segment}: ${members} members (+${entered} −${left})`,
    ),
    `messages: ${outcomes.get('sent') ?? 0} sent, would have been ${would}${list(space.wouldSend)}`,
    ...(sum(space.withheld) === 0 ? [] : [`messages withheld: ${sum(space.withheld)}${list(space.withheld)}`]),
    ...[...outcomes].filter(([status]) => status !== 'sent').map(([status, number]) => `messages ${status}: ${number}`),
  ];
}

/** Ending of a kind that takes back what another one counted. */
const undone = '-undone';

/** What else the processors had to say, each kind in a line. */
function noted(counts: ProcessorCounts): string[] {
  const said = new Set(['tag-freshness in', 'tag-freshness rejected', 'tag-freshness skipped', 'stitch-identity duplicates']);
  return [...counts].flatMap(([processor, kinds]) =>
    [...kinds]
      .filter(([kind]) => kind !== 'in' && kind !== 'withheld' && !kind.endsWith(undone) && !said.has(`${processor} ${kind}`))
      .map(([kind, reasons]) => ({ kind, reasons, left: sum(reasons) - sum(kinds.get(kind + undone) ?? new Map()) }))
      .filter(({ left }) => left > 0)
      .map(({ kind, reasons, left }) => `${kind}: ${left}${list(reasons)}, counted by ${processor}`),
  );
}

function reasonsOf(counts: ProcessorCounts, processor: string, kind: string): ReadonlyMap<string, number> {
  return counts.get(processor)?.get(kind) ?? new Map<string, number>();
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}

/** ` (most frequent reason N, …)`; nothing where there are no reasons. */
function list(counts: ReadonlyMap<string, number>): string {
  const named = [...counts].filter(([reason]) => reason !== '').sort(([, one], [, other]) => other - one);
  return named.length === 0 ? '' : ` (${named.map(([reason, count]) => `${reason} ${count}`).join(', ')})`;
}
