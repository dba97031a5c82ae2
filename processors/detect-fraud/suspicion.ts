import type { FraudConfig } from './config.ts';
import type { Address, Login } from './facts.ts';
import { byTime, type Devices, type Recent } from './memory.ts';

/** A log-in from a new device with the change of address that followed it. */
export interface Suspicion {
  readonly login: Login;
  readonly change: Address;
}

/** Every suspicion not told yet; each log-in gives one at most, with the first change after it. */
export function suspicions(devices: Devices, recent: Recent, { windowMs }: FraudConfig): readonly Suspicion[] {
  const changes = changesOf(recent.addresses);
  return recent.logins.flatMap((login) => {
    if (recent.told.includes(login.id) || !isNew(devices, login)) return [];
    const change = changes.find((one) => byTime(login, one) < 0 && one.at - login.at <= windowMs);
    return change?.live ? [{ login, change }] : [];
  });
}

/** Not seen before this log-in, while another device was. The first device of a customer is none to be surprised at. */
function isNew(devices: Devices, { device, at }: Login): boolean {
  const first = devices[device];
  return first !== undefined && first >= at && Object.values(devices).some((other) => other < at);
}

/** Events that say so, and addresses that differ from the last one known before. */
function changesOf(addresses: readonly Address[]): readonly Address[] {
  let before: string | null = null;
  return addresses.filter(({ value }) => {
    if (value === null) return true;
    const isChange = before !== null && before !== value;
    before = value;
    return isChange;
  });
}
