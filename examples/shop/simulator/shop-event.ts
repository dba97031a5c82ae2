/** Feeds of the shop; each is a declared source with a write key of its own. */
export const shopSources = ['shop', 'stock', 'prices'] as const;
export type ShopSource = (typeof shopSources)[number];

/** What sends to the pipeline: the till tells of orders on a line of its own. */
export const shopFeeds = ['shop', 'orders', 'stock', 'prices'] as const;
export type ShopFeed = (typeof shopFeeds)[number];

/** Which feed tells of an event while the shop lives. */
export function feedOf({ source, call }: Pick<ShopEvent, 'source' | 'call'>): ShopFeed {
  const isOrder = call.kind === 'track' && (call.event === 'Order Completed' || call.event === 'Order Refunded');
  return source === 'shop' && isOrder ? 'orders' : source;
}

/** Whom a call names: at least one of the two. */
export type Who = { readonly userId: string; readonly anonymousId?: string } | { readonly anonymousId: string };

/** A call of the Segment specification, as far as the shop makes them. */
export type ShopCall =
  | { readonly kind: 'page'; readonly name: string; readonly properties: Fields }
  | { readonly kind: 'track'; readonly event: string; readonly properties: Fields }
  | { readonly kind: 'identify'; readonly traits: Fields };

export type Fields = Readonly<Record<string, unknown>>;

/** One call to an SDK. Times are epoch milliseconds. */
export interface ShopEvent {
  /** When the call is made. */
  readonly at: number;
  /** When it happened: before `at` for what is told later, such as a count of the stock. */
  readonly occurredAt: number;
  readonly source: ShopSource;
  /** The same for the same options of the simulation. */
  readonly messageId: string;
  readonly who: Who;
  readonly context: Fields;
  readonly call: ShopCall;
}

/** The event as a line of an export: a call of the Segment specification in JSON. */
export function toMessage({ call, who, messageId, occurredAt, context }: ShopEvent): Fields {
  const { kind, ...fields } = call;
  return { type: kind, ...fields, ...who, messageId, timestamp: new Date(occurredAt).toISOString(), context };
}
