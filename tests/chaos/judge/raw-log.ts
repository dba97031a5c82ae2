import type { Route } from '../events.ts';
import type { Printed } from '../console-reader.ts';

/** An event as its raw record says it. Identifiers are `kind:value`, the primary one first. */
export interface RawEvent {
  readonly index: number;
  readonly names: readonly string[];
  readonly name: string;
  readonly at: number;
  readonly cart: string | undefined;
  readonly order: string | undefined;
  readonly total: number;
  readonly traits: Readonly<Record<string, unknown>>;
}

/** What must become of a raw record: an event, by its number, or this. */
export const REFUSED = -1;

type Json = Readonly<Record<string, unknown>>;

export const routes: readonly Route[] = ['web', 'till'];
export const rawTopicOf = (route: Route): string => (route === 'web' ? 'events.raw' : `raw.${route}`);

/** All that came in, by the raw topics: the one thing that everything else is computed from. */
export class RawLog {
  /** By number. */
  readonly events: (RawEvent | undefined)[] = [];
  /** Raw records read. */
  records = 0;
  /** Of each topic and partition, by offset, what must become of the record. */
  readonly #fates = new Map<string, number[]>();

  take(route: Route, { partition, offset, value }: Printed): void {
    this.records += 1;
    const place = `${rawTopicOf(route)}-${partition}`;
    const fates = this.#fates.get(place) ?? [];
    this.#fates.set(place, fates);
    fates[offset] = this.#fateOf(route, value);
  }

  fate(topic: string, partition: number, offset: number): number | undefined {
    return this.#fates.get(`${topic}-${partition}`)?.[offset];
  }

  *fates(): Generator<readonly [topic: string, partition: number, offset: number, fate: number]> {
    for (const [place, fates] of this.#fates) {
      const cut = place.lastIndexOf('-');
      for (const [offset, fate] of fates.entries()) yield [place.slice(0, cut), Number(place.slice(cut + 1)), offset, fate];
    }
  }

  #fateOf(route: Route, value: Buffer): number {
    const text = value.toString('utf8');
    if (!text.startsWith('{')) return REFUSED;
    const json = JSON.parse(text) as Json;
    const event = route === 'web' ? webEvent(json) : tillEvent(json);
    if (typeof event === 'number') return event;
    this.events[event.index] ??= event;
    return event.index;
  }
}

function webEvent(json: Json): RawEvent | number {
  if (objectAt(json, 'context')['asOf'] === 'never') return REFUSED;
  const traits = objectAt(json, 'traits');
  const names = namesOf(json['userId'], traits['email'], json['anonymousId']);
  if (names[0] === 'email:test@test.com') return REFUSED;
  const name = json['type'] === 'identify' ? 'Identify' : textOf(json['event']);
  return eventOf(json['messageId'], json['timestamp'], name, names, objectAt(json, 'properties'), traits);
}

function tillEvent(json: Json): RawEvent | number {
  if (typeof json['what'] !== 'string' || Array.isArray(json['properties'])) return REFUSED;
  const names = namesOf(json['user'], json['email'], json['device']);
  const traits = json['what'] === 'Identify' ? objectAt(json, 'traits') : {};
  return eventOf(json['id'], json['at'], json['what'], names, objectAt(json, 'properties'), traits);
}

function eventOf(id: unknown, when: unknown, name: string, names: readonly string[], properties: Json, traits: Json): RawEvent {
  const cart = properties['cart_id'];
  const order = properties['order_id'];
  return {
    index: Number(textOf(id).slice(1)),
    names,
    name,
    at: Date.parse(textOf(when)),
    cart: typeof cart === 'string' ? cart : undefined,
    order: typeof order === 'string' ? order : undefined,
    total: Number(properties['total'] ?? 0),
    traits,
  };
}

function namesOf(user: unknown, email: unknown, device: unknown): string[] {
  const kinds = [
    ['user_id', user],
    ['email', email],
    ['anonymous_id', device],
  ] as const;
  return kinds.flatMap(([kind, value]) => (typeof value === 'string' ? [`${kind}:${value}`] : []));
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function objectAt(of: Json, field: string): Json {
  const value = of[field];
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}
