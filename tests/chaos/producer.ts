import { setTimeout as delay } from 'node:timers/promises';
import type { Kafka } from '../../runtime/kafka/contract.ts';
import { partitionFor } from '../../runtime/partition.ts';
import { opaqueKey } from '../../schemas/keys.ts';
import { primaryOf, tillRecord, webCall } from './calls.ts';
import { happenings, type Happening, LANES } from './events.ts';
import { PARTITIONS, SECRET, WRITE_KEY } from './settings.ts';

interface Due {
  readonly happening: Happening;
  readonly at: number;
}

export interface ProducerOptions {
  readonly seed: number;
  readonly events: number;
  /** Over which they are spread evenly. */
  readonly durationMs: number;
  readonly kafka: Kafka;
  readonly tillTopic: string;
  /** Gateways that are up now. */
  readonly gateways: () => readonly string[];
}

const BATCH = 100;
const TICK_MS = 40;

/**
 * Sends what happens, when it happens, until each of it has been acknowledged: by HTTP in lanes that send a batch again, to
 * the next gateway, until it is answered; and to the raw topic of the till, a lane for each partition.
 */
export class SteadyProducer {
  /** By number of the event: when it was first acknowledged, less when it happened; NaN until then. */
  readonly ackedAfter: Float64Array;
  acked = 0;
  /** Requests and sends that had to be made again. */
  retries = 0;
  readonly #options: ProducerOptions;
  readonly #web = Array.from({ length: LANES }, (): Due[] => []);
  readonly #till = Array.from({ length: PARTITIONS }, (): Due[] => []);
  /** Valid events that were acknowledged. */
  acceptable = 0;
  #over = false;

  constructor(options: ProducerOptions) {
    this.#options = options;
    this.ackedAfter = new Float64Array(options.events).fill(Number.NaN);
  }

  /** Resolves when everything has been sent and acknowledged. */
  async run(): Promise<void> {
    const lanes = [...this.#web.map((_, lane) => this.#webLane(lane)), ...this.#till.map((_, lane) => this.#tillLane(lane))];
    await this.#generate();
    this.#over = true;
    await Promise.all(lanes);
  }

  async #generate(): Promise<void> {
    const { seed, events, durationMs } = this.#options;
    const source = happenings(seed);
    const again = new Map<number, Due[]>();
    const began = Date.now();
    for (let next = 0; next < events;) {
      const until = Math.min(events, Math.ceil(((Date.now() - began) / durationMs) * events));
      for (; next < until; next++) {
        const happening = source.next().value;
        const due = { happening, at: Math.floor(began + (next / events) * durationMs) - happening.delayMs };
        this.#enqueue(due);
        if (happening.againAfter > 0)
          again.set(next + happening.againAfter, [...(again.get(next + happening.againAfter) ?? []), due]);
        for (const repeated of again.get(next) ?? []) this.#enqueue(repeated);
        again.delete(next);
      }
      await delay(TICK_MS);
    }
  }

  #enqueue(due: Due): void {
    const { happening } = due;
    const lane = happening.route === 'web' ? this.#web[happening.lane] : this.#till[partitionFor(keyOf(happening), PARTITIONS)];
    lane?.push(due);
  }

  async #webLane(lane: number): Promise<void> {
    const queue = this.#web[lane] ?? [];
    for (let attempts = lane; queue.length > 0 || !this.#over;) {
      if (queue.length === 0) {
        await delay(TICK_MS);
        continue;
      }
      const batch = queue.splice(0, BATCH);
      const body = `{"batch":[${batch.map(({ happening, at }) => webCall(happening, at)).join(',')}]}`;
      while (!(await this.#post(attempts, body))) {
        attempts += 1;
        this.retries += 1;
        await delay(200);
      }
      this.#acknowledge(batch);
      await delay(TICK_MS);
    }
  }

  /** 400 is the answer to a batch all of whose events are refused, each of them recorded. */
  async #post(attempt: number, body: string): Promise<boolean> {
    const gateways = this.#options.gateways();
    const url = gateways[attempt % Math.max(1, gateways.length)];
    if (url === undefined) return false;
    try {
      const headers = { authorization: `Basic ${btoa(`${WRITE_KEY}:`)}`, 'content-type': 'application/json' };
      const answer = await fetch(`${url}/v1/batch`, { method: 'POST', headers, body, signal: AbortSignal.timeout(20_000) });
      await answer.arrayBuffer();
      return answer.status === 200 || answer.status === 400;
    } catch {
      return false;
    }
  }

  async #tillLane(partition: number): Promise<void> {
    const { kafka, tillTopic: topic } = this.#options;
    const queue = this.#till[partition] ?? [];
    const producer = kafka.producer();
    while (queue.length > 0 || !this.#over) {
      if (queue.length === 0) {
        await delay(TICK_MS);
        continue;
      }
      const batch = queue.splice(0, BATCH);
      const records = batch.map(({ happening, at }) => ({
        key: Buffer.from(keyOf(happening)),
        value: tillRecord(happening, at),
      }));
      while (
        !(await producer.send({ topic, partition, records }).then(
          () => true,
          () => false,
        ))
      )
        this.retries += 1;
      this.#acknowledge(batch);
    }
    await producer.close();
  }

  #acknowledge(batch: readonly Due[]): void {
    const now = Date.now();
    for (const { happening, at } of batch) {
      if (!Number.isNaN(this.ackedAfter[happening.index])) continue;
      this.ackedAfter[happening.index] = now - at;
      this.acked += 1;
      if (happening.poison === undefined) this.acceptable += 1;
    }
  }
}

function keyOf(happening: Happening): string {
  return opaqueKey(SECRET, ...primaryOf(happening));
}
