import type { Pair } from '../processors/stitch-identity/fuzzy/match.ts';
import { difference, type FoundCustomer, type Regrouped, type Simulation } from './identity-simulate.ts';

/** Names shown of one customer. */
const MOST_NAMES = 8;

/** What a simulation found, for people: identifiers as they are in the file. */
export function simulationLines(found: Simulation, top: number): readonly string[] {
  const { events, customers, components, merges, divisions, refused, rejected, ignored } = found;
  const divided = divisions > 0 ? `, ${divisions} split` : '';
  return [
    `${events} events, ${customers.size} customers, ${merges} merges${divided}, ${refused.length} links refused`,
    ...section('not used', counts(rejected), top),
    ...section('identifiers that name nobody', counts(ignored), top),
    ...section('refused', counts(tally(refused.map(({ reason }) => reason))), top),
    ...refused
      .slice(0, top)
      .map(
        ({ reason, identifiers, occurredAt }) =>
          `    ${new Date(occurredAt).toISOString()}  ${identifiers.join(' - ')}: ${reason}`,
      ),
    ...section(
      'customers with most identifiers',
      [...customers.values()]
        .filter(({ identifiers }) => identifiers.length > 1)
        .map((one) => `${String(one.identifiers.length).padStart(7)}  ${shown(one)}`),
      top,
    ),
    ...section(
      'largest components of evidence',
      components
        .filter(({ size }) => size > 1)
        .map(({ size, edges, root }) => `${String(size).padStart(7)}  around ${root}, ${edges} links`),
      top,
    ),
    ...fuzzyLines(found, top),
  ];
}

/** Customers who look alike, with the reasons, field by field; without what is in the fields. */
function fuzzyLines({ fuzzy, customers }: Simulation, top: number): readonly string[] {
  if (!fuzzy) return [];
  const line = ({ a, b, score }: Pair, reason = ''): string => {
    const why = score.reasons.map(({ field, level, bits }) => `${field} ${level} ${bits > 0 ? '+' : ''}${bits.toFixed(1)}`);
    const odds = `    ${score.probability.toFixed(3)}  ${shown(customers.get(a))}  |  ${shown(customers.get(b))}`;
    return `${odds}${reason && `: ${reason}`}\n           ${why.join(', ')}`;
  };
  const { groups, linked, review, refused } = fuzzy;
  return [
    `  who look alike: ${groups.length} groups of customers linked, ${review.length} pairs to review, ${refused.length} refused`,
    ...section(
      '  linked',
      linked.map((pair) => line(pair)),
      top,
    ),
    ...section(
      '  to review',
      review.map((pair) => line(pair)),
      top,
    ),
    ...section(
      '  refused',
      refused.map((pair) => line(pair, pair.reason)),
      top,
    ),
  ];
}

/** What other rules would change. */
export function differenceLines(before: Simulation, after: Simulation, top: number): readonly string[] {
  const { merged, split } = difference(before, after);
  const lines = (changes: readonly Regrouped[], of: Simulation, verb: string): readonly string[] =>
    changes.map(({ others }) => `  ${verb}: ${others.map((other) => shown(of.customers.get(other))).join('  |  ')}`);
  return [
    `with the other rules: ${after.customers.size} customers instead of ${before.customers.size}; ${merged.length} merged of several, ${split.length} split`,
    ...lines(merged, before, 'merged').slice(0, top),
    ...lines(split, after, 'split').slice(0, top),
  ];
}

/** As JSON, without the names of events. */
export function simulationJson(found: Simulation): Record<string, unknown> {
  const { customers, rejected, ignored, customerOf: _, ...rest } = found;
  return {
    ...rest,
    customers: [...customers].map(([id, customer]) => ({ id, ...customer })),
    components: found.components.filter(({ size }) => size > 1),
    rejected: Object.fromEntries(rejected),
    ignored: Object.fromEntries(ignored),
  };
}

function shown(customer: FoundCustomer | undefined): string {
  const names = customer?.identifiers ?? [];
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  return `${names.slice(0, MOST_NAMES).join(', ')}${more}`;
}

function section(title: string, lines: readonly string[], top: number): readonly string[] {
  return lines.length === 0 ? [] : [`  ${title}`, ...lines.slice(0, top)];
}

function counts(of: ReadonlyMap<string, number>): readonly string[] {
  return [...of].sort(([, a], [, b]) => b - a).map(([name, count]) => `${String(count).padStart(7)}  ${name}`);
}

function tally(names: readonly string[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const name of names) found.set(name, (found.get(name) ?? 0) + 1);
  return found;
}
