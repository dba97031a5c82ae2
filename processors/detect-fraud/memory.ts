import type { FraudConfig } from './config.ts';
import type { Address, Facts, Login } from './facts.ts';

/** When each device of a customer was first seen, by its hash. */
export type Devices = Readonly<Record<string, number>>;

/** What happened lately, each list in the order of event time. */
export interface Recent {
  readonly logins: readonly Login[];
  readonly addresses: readonly Address[];
  /** Log-ins that an alert was raised for. */
  readonly told: readonly string[];
}

export const nothingRecent: Recent = { logins: [], addresses: [], told: [] };

/** An account on more devices than this is shared; a further one tells nothing. */
const MOST_DEVICES = 1000;
/** Of each list. */
const MOST_RECENT = 200;

/** With a sighting of a device; the same object if it tells nothing new. */
export function withDevice(devices: Devices, device: string, at: number): Devices {
  const known = devices[device];
  if (known !== undefined) return known <= at ? devices : { ...devices, [device]: at };
  return Object.keys(devices).length >= MOST_DEVICES ? devices : { ...devices, [device]: at };
}

export function withFacts(recent: Recent, { login, address }: Facts, config: FraudConfig): Recent {
  return uniteRecent(recent, { logins: login ? [login] : [], addresses: address ? [address] : [], told: [] }, config);
}

/** The earliest sighting of each device in either. */
export function uniteDevices(a: Devices, b: Devices): Devices {
  return Object.entries(b).reduce((united, [device, at]) => withDevice(united, device, at), a);
}

/** All of both, without what is too old to matter: but the last address before that time is what a newer one is compared with. */
export function uniteRecent(a: Recent, b: Recent, { windowMs, latenessMs }: FraudConfig): Recent {
  const logins = ordered([...a.logins, ...b.logins]);
  const addresses = ordered([...a.addresses, ...b.addresses]);
  const newest = Math.max(logins.at(-1)?.at ?? 0, addresses.at(-1)?.at ?? 0);
  const since = newest - windowMs - latenessMs;
  const older = addresses.filter(({ at, value }) => at < since && value !== null).slice(-1);
  const kept = logins.filter(({ at }) => at >= since).slice(-MOST_RECENT);
  const told = [...new Set([...a.told, ...b.told])].filter((id) => kept.some((login) => login.id === id));
  return { logins: kept, addresses: [...older, ...addresses.filter(({ at }) => at >= since)].slice(-MOST_RECENT), told };
}

function ordered<T extends { readonly at: number; readonly id: string }>(facts: readonly T[]): readonly T[] {
  const each = [...new Map(facts.map((fact) => [fact.id, fact])).values()];
  return each.sort(byTime);
}

/** The order of events: by event time, then by message id. */
export function byTime(a: { at: number; id: string }, b: { at: number; id: string }): number {
  return a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
