import { FreshetError } from '../../../runtime/errors.ts';

/** What the gateway takes. Sizes in bytes, times in milliseconds. */
export interface GatewayLimits {
  /** A body, on the wire and inflated. */
  readonly bodyBytes: number;
  /** How many times its size a gzip body may inflate to, once it inflates to more than `freeInflateBytes`. */
  readonly inflateRatio: number;
  readonly freeInflateBytes: number;
  readonly eventsPerBatch: number;
  /** One event, as sent. */
  readonly eventBytes: number;
  /** Nesting of one event; its own braces count as 1. */
  readonly eventDepth: number;
  /** Keys of one event, over all levels. */
  readonly eventKeys: number;
  /** What requests may hold in memory until they are answered; beyond it the answer is 429. */
  readonly inFlightBytes: number;
  /** One produce request; below the brokers' `message.max.bytes`. */
  readonly produceBytes: number;
  /** How long Kafka may take to acknowledge before the answer is 503. */
  readonly produceTimeoutMs: number;
  /** After a failed write everything is refused for so long, then one request is tried. */
  readonly retryAwayMs: number;
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to its last. */
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly connections: number;
}

const MiB = 1024 * 1024;

/** Of the Segment specification where it states one; a real SDK sends up to 4 MB and 250 events. */
export const defaultLimits: GatewayLimits = {
  bodyBytes: 4 * MiB,
  inflateRatio: 20,
  freeInflateBytes: MiB,
  eventsPerBatch: 5000,
  eventBytes: 32 * 1024,
  eventDepth: 32,
  eventKeys: 1000,
  inFlightBytes: 64 * MiB,
  produceBytes: 900_000,
  produceTimeoutMs: 10_000,
  retryAwayMs: 2000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  connections: 10_000,
};

/** What batch-level context may make of a batch: its records together are at most so many times `bodyBytes`. */
export const recordBytesPerBodyByte = 4;

/** The defaults with changes. Throws CONFIG_INVALID where one request of full size would never find room. */
export function gatewayLimits(changes: Partial<GatewayLimits> = {}): GatewayLimits {
  const limits = { ...defaultLimits, ...changes };
  const least = (recordBytesPerBodyByte + 4) * limits.bodyBytes;
  if (limits.inFlightBytes < least) {
    throw new FreshetError(
      'CONFIG_INVALID',
      `gateway: inFlightBytes ${limits.inFlightBytes} is below ${least}, what one body may need`,
    );
  }
  return limits;
}
