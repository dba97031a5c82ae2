import { setTimeout as delay } from 'node:timers/promises';
import type { Kafka } from '../../../runtime/kafka/contract.ts';
import { RAW, WRITE_KEY } from '../hosts/topology.ts';
import type { Deployment } from './deployment.ts';
import { Host } from './host.ts';
import { readInside } from './inside-reader.ts';

const SENDERS = 8;
const EVERY_MS = 100;

/** What the log holds of what was promised. */
export interface Kept {
  /** Answered with 200, but not in the log. */
  readonly lost: number;
  /** More than once in the log though sent only once. */
  readonly duplicated: number;
  /** After a later one of the same sender. */
  readonly outOfOrder: number;
}

/** What the gateway's answers promised and the log holds. */
export interface Promised extends Kept {
  /** Answered with 200. */
  readonly accepted: number;
  /** Answers 5xx. */
  readonly refused: number;
  /** Answers 503 without Retry-After. */
  readonly unadvised: number;
  /** No answer, or another one than 200 and 5xx. */
  readonly unexpected: number;
}

/** A gateway in a process of its own, and senders that have one event each on its way and send it until it is taken. */
export class Senders {
  readonly gateway: Host;
  readonly #kafka: Kafka;
  readonly #topic: string;
  readonly #attempts = new Map<string, number>();
  readonly #accepted = new Set<string>();
  readonly #over = new AbortController();
  #sending: Promise<unknown> = Promise.resolve();
  #refused = 0;
  #unadvised = 0;
  #unexpected = 0;

  constructor(deployment: Deployment) {
    this.gateway = new Host(deployment.host(0).settings, 'gateway');
    this.#kafka = deployment.kafka;
    this.#topic = deployment.prefix + RAW;
  }

  /** Resolves when the gateway listens and is sent to. */
  async start(): Promise<void> {
    this.gateway.start();
    await this.gateway.until(() => this.gateway.said('started').length > 0);
    const url = String(this.gateway.said('started')[0]?.['url']);
    this.#sending = Promise.all(Array.from({ length: SENDERS }, (_, sender) => this.#send(url, sender)));
  }

  get refused(): number {
    return this.#refused;
  }

  get accepted(): number {
    return this.#accepted.size;
  }

  /** Ends the senders when what they have under way is taken, and compares the promises with the log. */
  async stop(): Promise<Promised> {
    this.#over.abort();
    await this.#sending;
    const rows = await readInside(this.#kafka, [this.#topic]);
    await this.gateway.stop();
    const ids = rows
      .sort((a, b) => a.partition - b.partition || a.offset - b.offset)
      .map(({ text }) => (JSON.parse(text) as { readonly messageId: string }).messageId);
    return {
      accepted: this.#accepted.size,
      refused: this.#refused,
      unadvised: this.#unadvised,
      unexpected: this.#unexpected,
      ...kept(this.#accepted, this.#attempts, ids),
    };
  }

  /** Ends everything at once. */
  async close(): Promise<void> {
    this.#over.abort();
    await this.gateway.kill();
    await this.#sending;
  }

  async #send(url: string, sender: number): Promise<void> {
    for (let seq = 0; !this.#over.signal.aborted; seq++) {
      const messageId = `${sender}-${seq}`;
      for (let attempt = 1; ; attempt++) {
        this.#attempts.set(messageId, attempt);
        const pauseMs = await this.#post(url, messageId, sender);
        if (pauseMs === 'accepted') break;
        await delay(pauseMs);
        if (!this.gateway.alive) return;
      }
      await delay(EVERY_MS);
    }
  }

  /** Returns how long to wait before the event is sent again, milliseconds. */
  async #post(url: string, messageId: string, sender: number): Promise<'accepted' | number> {
    const headers = { authorization: `Basic ${Buffer.from(`${WRITE_KEY}:`).toString('base64')}` };
    const body = JSON.stringify({ event: 'Number', userId: `u${sender}`, messageId });
    try {
      const response = await fetch(`${url}/v1/track`, { method: 'POST', headers, body });
      await response.arrayBuffer();
      if (response.status === 200) {
        this.#accepted.add(messageId);
        return 'accepted';
      }
      if (response.status < 500) this.#unexpected += 1;
      else this.#refused += 1;
      const advice = Number(response.headers.get('retry-after') ?? 0);
      if (response.status === 503 && !(advice > 0)) this.#unadvised += 1;
      return Math.max(1, advice) * 1_000;
    } catch {
      if (this.gateway.alive) this.#unexpected += 1;
      return 1_000;
    }
  }
}

/** Compares events `sender-seq` that were accepted, and how often each was sent, with those in the log in their order. */
export function kept(accepted: ReadonlySet<string>, attempts: ReadonlyMap<string, number>, log: readonly string[]): Kept {
  const counts = new Map<string, number>();
  const last = new Map<string, number>();
  let outOfOrder = 0;
  for (const id of log) {
    const seen = counts.get(id) ?? 0;
    counts.set(id, seen + 1);
    if (seen > 0) continue;
    const [sender = '', seq = ''] = id.split('-');
    if (Number(seq) < (last.get(sender) ?? 0)) outOfOrder += 1;
    last.set(sender, Number(seq));
  }
  return {
    lost: [...accepted].filter((id) => !counts.has(id)).length,
    duplicated: [...counts].filter(([id, count]) => count > 1 && attempts.get(id) === 1).length,
    outOfOrder,
  };
}
