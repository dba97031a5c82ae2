import { type Happening, kindOf } from './people.ts';

/** Which customers there are, computed from the whole history at once: union-find that knows limits, with nothing of the pipeline's code. */
export interface Reference {
  /** Of each identifier whose it is in the end, by some identifier of the customer. */
  readonly ownerOf: ReadonlyMap<string, string>;
  /** Identifiers of whose customer a link was refused, or a device changed hands: of their history only the account is sure. */
  readonly contested: ReadonlySet<string>;
  readonly customers: number;
}

/** Lower ones change hands first. */
const moving = ['device_id', 'anonymous_id'];

/** Two accounts never are one customer; a device goes with the last login. */
export function referenceOf(happenings: readonly Happening[]): Reference {
  const parent = new Map<string, string>();
  const account = new Map<string, string>();
  const lent = new Map<string, string>();
  const judged = new Set<string>();
  const evidence = new Map<string, string>();
  const contested = new Set<string>();
  const owner = (name: string): string => find(parent, lent.get(name) ?? name);
  for (const { names } of [...happenings].sort((a, b) => a.at - b.at)) {
    for (const name of names) {
      if (parent.has(name)) continue;
      parent.set(name, name);
      evidence.set(name, name);
      if (kindOf(name) === 'user_id') account.set(name, name);
    }
    const [primary = '', ...others] = names;
    for (const other of others) {
      evidence.set(find(evidence, other), find(evidence, primary));
      const pair = [primary, other].sort().join(' ');
      if (judged.has(pair) && ![primary, other].some((name) => moving.includes(kindOf(name)))) continue;
      judged.add(pair);
      const [one, two] = [owner(primary), owner(other)];
      if (one === two) continue;
      const [a, b] = [account.get(one), account.get(two)];
      if (a === undefined || b === undefined) {
        parent.set(two, one);
        const both = a ?? b;
        if (both !== undefined) account.set(one, both);
        continue;
      }
      contested.add(primary);
      const goes = moving
        .map((kind) => [other, primary].find((name) => kindOf(name) === kind))
        .find((name) => name !== undefined);
      if (goes !== undefined) lent.set(goes, goes === other ? one : two);
    }
  }
  const disputed = new Set([...contested].map((name) => find(evidence, name)));
  const ownerOf = new Map([...parent.keys()].map((name) => [name, owner(name)]));
  return {
    ownerOf,
    contested: new Set([...parent.keys()].filter((name) => disputed.has(find(evidence, name)))),
    customers: new Set(ownerOf.values()).size,
  };
}

/** The segments of the workspace by their names: whether events of one customer make a member. */
export const segments: Readonly<Record<string, (own: readonly Happening[]) => boolean>> = {
  buyer: (own) => own.filter(({ total }) => total !== null).length >= 2,
  spender: (own) => own.reduce((sum, { total }) => sum + (total ?? 0), 0) > 400,
  gold: (own) =>
    own
      .filter(({ plan }) => plan !== null)
      .reduce<Happening | null>((last, each) => (last && last.at > each.at ? last : each), null)?.plan === 'gold',
};

function find(parent: Map<string, string>, name: string): string {
  let at = name;
  for (let up = parent.get(at) ?? at; up !== at; up = parent.get(at) ?? at) {
    parent.set(at, parent.get(up) ?? up);
    at = up;
  }
  return at;
}
