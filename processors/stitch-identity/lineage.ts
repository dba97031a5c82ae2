import type { DivisionDetail } from './division.ts';
import type { CommandDetail } from './events.ts';
import { isBlocked, type IdentityRules } from './identity.ts';
import { customerAt, type Timeline } from './timeline.ts';
import type { IdentifiedEvent, Identifier, MergeMarker } from '../../schemas/generated/types.ts';
import { founderOf, opaqueKey } from '../../schemas/keys.ts';

/** How a customer was divided: `at` is the broker time of the marker. */
export interface Divided {
  readonly heirs: readonly string[];
  readonly shares: ReadonlyMap<string, Timeline>;
  /** Event time since which the customer was known, at the latest. */
  readonly since: number;
  readonly at: number;
}

/** An operator's word on two identifiers, by their opaque keys. */
export interface Command extends CommandDetail {
  readonly between: readonly [string, string];
}

/** What the history tells of customers who ended: into whom they merged, and among whom they were divided. */
export class Lineage {
  readonly merged = new Map<string, { readonly winner: string; readonly at: number }>();
  readonly divided = new Map<string, Divided>();
  readonly commands: Command[] = [];

  /** A control record of `events.identified`, in whatever order; `at` is its broker time. */
  take({ kind, loser, winner, members, detail }: MergeMarker, at = 0): void {
    if (kind === 'closing') this.merged.set(loser, { winner, at });
    else if (kind === 'dividing') {
      const { heirs, shares, since } = JSON.parse(detail) as DivisionDetail;
      this.divided.set(loser, { heirs, shares: new Map(shares), since, at });
    } else if (kind === 'command') {
      const [one = '', two = ''] = members;
      this.commands.push({ ...(JSON.parse(detail) as CommandDetail), between: [one, two] });
    }
  }

  /**
   * The customers that an event belonged to one after the other: labelled `customer`, of the event time `at`, by the first of the
   * identifiers `keys`. Where that one has gone elsewhere since, it belongs where the identifier does that founded its customer.
   */
  path(customer: string, keys: readonly string[], at: number): readonly string[] {
    const path = [customer];
    for (let last: string | undefined = customer; last !== undefined;) {
      const divided = this.divided.get(last);
      last = divided ? heirOf(divided, path, keys, at) : this.merged.get(last)?.winner;
      if (last === undefined || path.includes(last)) break;
      path.push(last);
    }
    return path;
  }

  /** Who goes on. */
  survivor(customer: string, keys: readonly string[] = [], at = Number.MAX_SAFE_INTEGER): string {
    return this.path(customer, keys, at).at(-1) ?? customer;
  }
}

function heirOf(
  { shares, heirs }: Divided,
  path: readonly string[],
  [own, ...others]: readonly string[],
  at: number,
): string | undefined {
  const founders = path.map(founderOf);
  const key = [own, ...founders, ...others].find((each) => each !== undefined && shares.has(each));
  const timeline = shares.get(key ?? '');
  return timeline ? customerAt(timeline, at) : heirs[0];
}

/** The keys of the identifiers of an event that name somebody: the first one labelled it. */
export function labelling(identifiers: readonly Identifier[], rules: IdentityRules, secret: string): readonly string[] {
  const usable = identifiers.filter(({ kind, value }) => !isBlocked(rules, kind, value));
  return usable.map(({ kind, value }) => opaqueKey(secret, kind, value));
}

/** What one heir of a divided customer has of its history: an event, as that of the heir. */
export interface Share {
  readonly from: string;
  readonly heir: string;
  readonly value: IdentifiedEvent;
}

/** For each of the customers `ended` that an event belonged to: whose it is now. As history it decides nothing on arrival and alarms nobody. */
export function sharesOfEvent(
  { customer, event }: IdentifiedEvent,
  lineage: Lineage,
  ended: ReadonlySet<string>,
  { rules, secret }: { readonly rules: IdentityRules; readonly secret: string },
): readonly Share[] {
  if (event === null) return [];
  const path = lineage.path(customer, labelling(event.identifiers, rules, secret), event.occurredAt);
  return path.flatMap((from, i) => {
    const heir = path[i + 1];
    if (heir === undefined || !ended.has(from)) return [];
    return [{ from, heir, value: { customer: heir, event: { ...event, mode: 'backfill' }, marker: null } }];
  });
}
