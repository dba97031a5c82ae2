import type { Explained, ExplainedMembership } from '../processors/evaluate-segments/explain.ts';
import type { HistoryEvent } from './segment-histories.ts';
import type { LeafCost, SegmentDifference, SegmentRun } from './segment-simulate.ts';

const time = (at: number): string => new Date(at).toISOString();

/** The tree of a rule's truth, a part a line, with the events that made it so and where they lie. */
export function explanationLines(
  head: { readonly customer: string; readonly segment: string; readonly at: number },
  { member, since, next, version, rule }: ExplainedMembership,
  events: readonly HistoryEvent[],
): readonly string[] {
  const known = new Map(events.map((event) => [event.messageId, event]));
  const lines = (part: Explained, depth: number): string[] => {
    const indent = '  '.repeat(depth);
    const mark = part.holds ? '✓' : '✗';
    const what = part.says ?? (part.kind === 'segment' ? `segment ${part.name ?? ''}` : part.kind);
    const until = part.next === null || part.next === undefined ? '' : `, until ${time(part.next)}`;
    const cut = part.completeFrom === undefined ? '' : `; what came before ${time(part.completeFrom)} is no longer there`;
    const because = (part.because ?? []).map(({ messageId, occurredAt }) => {
      const position = known.get(messageId)?.position;
      const where = position === undefined ? '' : `  ${position.topic}-${position.partition} at ${position.offset}`;
      return `${indent}    ${time(occurredAt)}  ${messageId}${where}`;
    });
    return [`${indent}${mark} ${what}${until}${cut}`, ...because, ...part.parts.flatMap((each) => lines(each, depth + 1))];
  };
  return [
    `${head.customer} ${member ? 'belongs' : 'does not belong'} to ${head.segment} at ${time(head.at)}${since === null ? '' : `, since ${time(since)}`}`,
    `next change by what is known: ${next === null ? 'none' : time(next)}; version ${version.slice(0, 15)}`,
    ...lines(rule, 0),
  ];
}

/** Entries, exits and sizes over time, a segment a line. */
export function simulationLines(runs: readonly SegmentRun[], times: readonly number[], customers: number): readonly string[] {
  const width = Math.max(8, ...runs.map(({ segment }) => segment.name.length));
  const number = (value: number): string => String(value).padStart(9);
  return [
    `${customers} customers up to ${time(times.at(-1) ?? 0)}; sizes at ${times.map((at) => time(at).slice(0, 16)).join(', ')}`,
    `${'segment'.padEnd(width)}  ${['entered', 'left', ...times.map((_, index) => `size ${index + 1}`)].map((each) => each.padStart(9)).join('')}`,
    ...runs.map(
      ({ segment, entries, exits, sizes }) => `${segment.name.padEnd(width)}  ${[entries, exits, ...sizes].map(number).join('')}`,
    ),
  ];
}

/** Bytes of each leaf in the state of a customer, the dearest first. */
export function costLines(costs: readonly LeafCost[]): readonly string[] {
  const width = Math.max(8, ...costs.map(({ segment }) => segment.length));
  return [
    `${'segment'.padEnd(width)}  ${'leaf'.padEnd(14)}${['customers', 'mean B', 'largest B', 'all kB'].map((each) => each.padStart(11)).join('')}`,
    ...costs
      .toSorted((one, other) => other.mean * other.customers - one.mean * one.customers)
      .map(({ segment, meaning, customers, mean, largest }) => {
        const all = Math.ceil((mean * customers) / 1000);
        const figures = [customers, Math.round(mean), largest, all].map((each) => String(each).padStart(11)).join('');
        return `${segment.padEnd(width)}  ${meaning.padEnd(14)}${figures}`;
      }),
  ];
}

/** Who would come and go by other rules, a segment a line. */
export function differenceLines(differences: readonly SegmentDifference[]): readonly string[] {
  const width = Math.max(8, ...differences.map(({ segment }) => segment.length));
  const row = (cells: readonly (string | number)[]): string => cells.map((each) => String(each).padStart(13)).join('');
  return [
    `${'segment'.padEnd(width)}${row(['before', 'after', 'would enter', 'would leave'])}`,
    ...differences.map(
      ({ segment, before, after, enter, leave }) => `${segment.padEnd(width)}${row([before, after, enter.length, leave.length])}`,
    ),
  ];
}
