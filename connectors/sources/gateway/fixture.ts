import { createHash } from 'node:crypto';
import { ManualClock } from '../../../runtime/clock.ts';
import { FreshetError } from '../../../runtime/errors.ts';
import type { ProduceBatch, Producer, ProduceResult } from '../../../runtime/kafka/contract.ts';
import { header, type ProduceRecord, type Rejected } from '../../../runtime/record.ts';
import type { Feed } from '../../../runtime/watermarks/contract.ts';
import type { SourceConfig } from '../../../schemas/config.ts';
import { createGateway, type Gateway, type GatewayOptions } from './index.ts';

/** A producer that keeps what is sent to it. Acknowledges at once, unless told to hold back or to fail. */
export class RecordingProducer implements Producer {
  readonly batches: ProduceBatch[] = [];
  /** Called before each acknowledgement; what it throws is the fault. */
  onSend: (batch: ProduceBatch) => Promise<void> | void = () => {};
  #offsets = new Map<number, number>();
  #last = new Map<number, Promise<unknown>>();

  send(batch: ProduceBatch): Promise<ProduceResult> {
    const before = this.#last.get(batch.partition) ?? Promise.resolve();
    const result = before.then(async () => {
      await this.onSend(batch);
      const baseOffset = this.#offsets.get(batch.partition) ?? 0;
      this.#offsets.set(batch.partition, baseOffset + batch.records.length);
      this.batches.push(batch);
      return { topic: batch.topic, partition: batch.partition, baseOffset, appendTime: undefined };
    });
    this.#last.set(
      batch.partition,
      result.catch(() => {}),
    );
    return result;
  }

  async close(): Promise<void> {}

  get records(): readonly SentRecord[] {
    return this.batches.flatMap(({ topic, partition, records }) => records.map((record) => decode(topic, partition, record)));
  }
}

/** A record as a test looks at it. */
export interface SentRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: string;
  readonly message: Readonly<Record<string, unknown>>;
  readonly header: (name: string) => string | undefined;
}

function decode(topic: string, partition: number, { key, value, headers = {} }: ProduceRecord): SentRecord {
  const message = JSON.parse(String(value)) as Record<string, unknown>;
  return { topic, partition, key: String(key), message, header: (name) => header(headers, name) };
}

/** The error of a producer whose brokers are away. */
export function brokersAway(): FreshetError {
  return new FreshetError('BROKER_UNAVAILABLE', 'no broker answers', { retryable: true });
}

export function endpoint(name: string, ...writeKeys: readonly string[]): SourceConfig {
  return {
    name,
    description: '',
    owner: '',
    input: { kind: 'endpoint', writeKeyHashes: writeKeys.map((key) => createHash('sha256').update(key).digest('hex')) },
    mode: 'live',
    cadence: { kind: 'realtime' },
    liveness: { kind: 'heartbeat' },
    latenessMs: 0,
    events: null,
    transform: null,
    timezone: 'UTC',
  };
}

/** A feed that counts what has begun and not ended. */
export class CountingFeed implements Feed {
  begun = 0;
  open = 0;
  #waiting: { readonly until: (open: number) => boolean; readonly resolve: () => void }[] = [];

  begin(): () => void {
    this.begun++;
    this.#count(1);
    return () => this.#count(-1);
  }
  /** Resolves once so many requests are in hand. */
  async reaches(count: number): Promise<void> {
    if (this.open === count) return;
    await new Promise<void>((resolve) => {
      this.#waiting.push({ until: (open) => open === count, resolve });
    });
  }
  #count(by: number): void {
    this.open += by;
    for (const { resolve } of this.#waiting.filter(({ until }) => until(this.open))) resolve();
    this.#waiting = this.#waiting.filter(({ until }) => !until(this.open));
  }
  state(): void {}
  async close(): Promise<void> {}
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A gateway that listens, with everything around it in memory; two sources, `web` (key WK) and `app` (keys old and new). */
export async function listen(options: Partial<GatewayOptions> = {}) {
  const producer = new RecordingProducer();
  const feed = new CountingFeed();
  const clock = new ManualClock(1_800_000_000_000);
  const rejected: Rejected[] = [];
  const gateway: Gateway = createGateway({
    sources: [endpoint('web', 'WK'), endpoint('app', 'old', 'new')],
    producer,
    partitions: 4,
    topicName: 'dev.events.raw',
    feed,
    clock,
    secret: 'secret',
    reject: async (one) => void rejected.push(one),
    ...options,
  });
  const { url, port } = await gateway.start();
  const send = async (
    path: string,
    body: RequestInit['body'],
    headers: Record<string, string> = basic('WK'),
  ): Promise<Answer> => {
    const response = await fetch(`${url}${path}`, { method: 'POST', body: body ?? null, headers });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, unknown> };
  };
  const post = (path: string, body: unknown, headers?: Record<string, string>): Promise<Answer> =>
    send(path, JSON.stringify(body), headers);
  return { gateway, producer, feed, clock, rejected, url, port, send, post };
}

/** Holds back what awaits `passed` until `open` is called. */
export function barrier() {
  const { promise: passed, resolve: open } = Promise.withResolvers<void>();
  return { passed, open };
}

export function basic(writeKey: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}` };
}
