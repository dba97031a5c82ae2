import type { TaggedEvent } from '../../schemas/generated/types.ts';
import { hashId } from '../../schemas/keys.ts';
import type { FraudConfig } from './config.ts';

/** An event as far as it matters here. */
interface Fact {
  readonly at: number;
  readonly id: string;
  readonly source: string;
}

export interface Login extends Fact {
  /** Hash of the device. */
  readonly device: string;
}

export interface Address extends Fact {
  /** Hash of the address; null: the event says that it changed, and not to what. */
  readonly value: string | null;
  /** False while history is loaded, which alarms nobody. */
  readonly live: boolean;
}

export interface Facts {
  /** Device from which the customer was active under a name of their own. */
  readonly device: string | undefined;
  readonly login: Login | undefined;
  readonly address: Address | undefined;
}

/**
 * What an event tells. A device counts as the customer's only from events that name the customer besides: who merely looked
 * around on a device before the log-in has not proved that it is theirs.
 */
export function factsOf(event: TaggedEvent, config: FraudConfig): Facts {
  const { messageId: id, occurredAt: at, source } = event;
  const isKnown = event.identifiers.some(({ kind }) => !config.deviceKinds.includes(kind));
  const device = isKnown ? deviceOf(event, config) : undefined;
  const value = event.type === 'identify' ? addressOf(event.traits, config.addressTrait) : undefined;
  return {
    device,
    login: isLogin(event, config) && device !== undefined ? { at, id, source, device } : undefined,
    address:
      isChange(event, config) || value !== undefined
        ? { at, id, source, value: value ?? null, live: event.mode !== 'backfill' }
        : undefined,
  };
}

/** A log-in, a change of address, or an event that may hold an address. */
export function isTelling(event: TaggedEvent | null | undefined, config: FraudConfig): boolean {
  return !!event && (event.type === 'identify' || isLogin(event, config) || isChange(event, config));
}

function isLogin({ type, event }: TaggedEvent, { loginTypes, loginEvents }: FraudConfig): boolean {
  return loginTypes.includes(type) || (type === 'track' && isNamed(event, loginEvents));
}

function isChange({ type, event }: TaggedEvent, { addressEvents }: FraudConfig): boolean {
  return type === 'track' && isNamed(event, addressEvents);
}

function isNamed(event: string, names: readonly string[]): boolean {
  const bare = (name: string): string => name.toLowerCase().replaceAll(/[\s_-]/g, '');
  return names.some((name) => bare(name) === bare(event));
}

function deviceOf({ identifiers }: TaggedEvent, { deviceKinds }: FraudConfig): string | undefined {
  for (const kind of deviceKinds) {
    const found = identifiers.find((identifier) => identifier.kind === kind);
    if (found) return hashId(kind, found.value).slice(0, 12);
  }
  return undefined;
}

/** A hash of the address in any spelling of case and spaces, and any order of its fields. */
function addressOf(traits: string, trait: string): string | undefined {
  if (!traits.includes(JSON.stringify(trait))) return undefined;
  const value = (JSON.parse(traits) as Readonly<Record<string, unknown>>)[trait];
  return value === undefined || value === null || value === '' ? undefined : hashId('address', plain(value));
}

function plain(value: unknown): string {
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return fields.map(([name, inner]) => `${name}=${plain(inner)}`).join('\n');
  }
  return String(value).trim().replaceAll(/\s+/g, ' ').toLowerCase();
}
