import { Analytics } from '@segment/analytics-node';
import { feedOf, shopFeeds, type ShopEvent, type ShopFeed, type ShopSource } from './shop-event.ts';

/** acknowledged: it is in the pipeline. refused: it never will be. undelivered: nobody answered; to be sent again. */
export type Outcome = 'acknowledged' | 'refused' | 'undelivered';

export interface SenderOptions {
  /** Of the gateway, e.g. http://localhost:8088. */
  readonly host: string;
  readonly writeKeys: Readonly<Record<ShopFeed, string>>;
}

export interface Sender {
  /** Sends through the SDK, in a batch that leaves after 100 ms at the latest. Never rejects. */
  send(event: ShopEvent): Promise<Outcome>;
  /** A sign of life of the till, at this time. Never rejects. */
  tillIsOpen(at: number): Promise<Outcome>;
  /** Sends bytes to `/v1/track` as no SDK would. Never rejects. */
  post(source: ShopSource, body: string): Promise<Outcome>;
  /** Sends what is in the SDKs' hands, and gives up after so many milliseconds. */
  close(timeoutMs: number): Promise<void>;
}

/** Answers of HTTP after which the same may be sent again with hope. */
const passing = new Set([408, 410, 429, 460]);
const outcomeOf = (status: number): Outcome =>
  status < 400 ? 'acknowledged' : status < 500 && !passing.has(status) ? 'refused' : 'undelivered';

/** One SDK per source, as a shop's programs would have it. */
export function openSender({ host, writeKeys }: SenderOptions): Sender {
  const sdk = (feed: ShopFeed): Analytics =>
    new Analytics({
      host,
      writeKey: writeKeys[feed],
      flushAt: 20,
      flushInterval: 100,
      maxRetries: 1,
      httpRequestTimeout: 15_000,
    });
  const sdks = { shop: sdk('shop'), orders: sdk('orders'), stock: sdk('stock'), prices: sdk('prices') };
  const hangUp = new AbortController();

  const post = async (source: ShopSource, body: string): Promise<Outcome> => {
    const authorization = `Basic ${Buffer.from(`${writeKeys[source]}:`).toString('base64')}`;
    const headers = { authorization, 'content-type': 'application/json' };
    const signal = AbortSignal.any([hangUp.signal, AbortSignal.timeout(15_000)]);
    try {
      const response = await fetch(new URL('/v1/track', host), { method: 'POST', headers, body, signal });
      await response.arrayBuffer();
      return outcomeOf(response.status);
    } catch {
      return 'undelivered';
    }
  };

  return {
    post,
    tillIsOpen: (at) =>
      new Promise((resolve) => {
        const call = { anonymousId: 'till', event: 'Till Open', timestamp: new Date(at) };
        sdks.orders.track(call, (error?: unknown) => resolve(error === undefined ? 'acknowledged' : outcomeOf(statusOf(error))));
      }),
    send: ({ source, call, who, messageId, occurredAt, context }) =>
      new Promise((resolve) => {
        // The SDK writes into the context it is given.
        const base = { ...who, messageId, timestamp: new Date(occurredAt), context: { ...context } };
        const done = (error?: unknown): void => resolve(error === undefined ? 'acknowledged' : outcomeOf(statusOf(error)));
        const to = sdks[feedOf({ source, call })];
        switch (call.kind) {
          case 'page':
            return to.page({ ...base, name: call.name, properties: call.properties }, done);
          case 'track':
            return to.track({ ...base, event: call.event, properties: call.properties }, done);
          case 'identify':
            return to.identify({ ...base, traits: call.traits }, done);
        }
      }),
    close: async (timeout) => {
      hangUp.abort();
      await Promise.all(shopFeeds.map((feed) => sdks[feed].closeAndFlush({ timeout })));
    },
  };
}

/** The SDK gives the status as `[400] Bad Request`; any other fault is one of the network. */
function statusOf(error: unknown): number {
  const status = /^\[(\d{3})\]/.exec(error instanceof Error ? error.message : '')?.[1];
  return status === undefined ? 503 : Number(status);
}
