import type { Counts } from './counts.ts';
import type { HopsJudge } from './hops.ts';
import type { RawLog } from './raw-log.ts';

/**
 * Union-find over what was seen together. Where no limit forbids anything, the identifiers of a group have one customer; where
 * one device was used by two accounts, each account has one customer of its own. No customer is that of two groups.
 */
export function judgeIdentity(log: RawLog, hops: HopsJudge, counts: Counts): void {
  const parent = new Map<string, string>();
  const find = (name: string): string => {
    let at = name;
    for (let up = parent.get(at) ?? at; up !== at; up = parent.get(at) ?? at) {
      parent.set(at, parent.get(up) ?? up);
      at = up;
    }
    return at;
  };
  for (const event of log.events) {
    const [first, ...others] = event?.names ?? [];
    if (first === undefined) continue;
    for (const other of others) {
      const [a, b] = [find(first), find(other)];
      if (a !== b) parent.set(a, b);
    }
  }
  const accounts = new Map<string, Set<string>>();
  for (const event of log.events) {
    for (const name of event?.names ?? []) {
      if (!name.startsWith('user_id:')) continue;
      const root = find(name);
      accounts.set(root, (accounts.get(root) ?? new Set()).add(name));
    }
  }

  /** Of whom one customer is expected: a group, or an account of a group with several. */
  const customers = new Map<string, string>();
  const owners = new Map<string, string>();
  const groups = new Map<string, string>();
  for (const event of log.events) {
    const [name] = event?.names ?? [];
    const label = event === undefined ? undefined : hops.labels[event.index];
    if (name === undefined || label === undefined) continue;
    const customer = hops.resolve(label);
    const group = find(name);
    const other = groups.get(customer) ?? group;
    if (other !== group) counts.add('state-diff', 'one customer for two groups', `${customer}: ${other} and ${group}`);
    groups.set(customer, group);
    const several = (accounts.get(group)?.size ?? 0) > 1;
    if (several && !name.startsWith('user_id:')) continue;
    const whose = several ? name : group;
    const known = customers.get(whose) ?? customer;
    if (known !== customer) counts.add('state-diff', 'two customers for one', `${whose}: ${known} and ${customer}`);
    customers.set(whose, customer);
    const owner = owners.get(customer) ?? whose;
    if (owner !== whose) counts.add('state-diff', 'one customer for two accounts', `${customer}: ${owner} and ${whose}`);
    owners.set(customer, whose);
  }
}
