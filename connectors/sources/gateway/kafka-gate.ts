import type { Clock } from '../../../runtime/clock.ts';

/**
 * Remembers whether Kafka takes writes. After a write that failed while no other was acknowledged, everything is refused at
 * once for `retryAwayMs`; then one request at a time is tried, until one is acknowledged. So an outage costs senders no
 * waiting and the gateway no memory, and a single partition that is away does not stop the others.
 */
export class KafkaGate {
  readonly #clock: Clock;
  readonly #retryAwayMs: number;
  readonly #onTurn: (state: 'away' | 'back') => void;
  #acknowledged = 0;
  #failedAt: number | undefined;
  #trying = false;

  constructor(clock: Clock, retryAwayMs: number, onTurn: (state: 'away' | 'back') => void = () => {}) {
    this.#clock = clock;
    this.#retryAwayMs = retryAwayMs;
    this.#onTurn = onTurn;
  }

  /** Whether requests are refused at the moment. */
  get isShut(): boolean {
    if (this.#failedAt === undefined) return false;
    return this.#trying || this.#clock.now() - this.#failedAt < this.#retryAwayMs;
  }

  /** Kafka has acknowledged something. */
  acknowledge(): void {
    this.#acknowledged++;
    if (this.#failedAt !== undefined) this.#onTurn('back');
    this.#failedAt = undefined;
  }

  /** Runs a write, which calls `acknowledge` itself; `shut`, without running it, while the gate is shut. Rejects as the write does. */
  async pass<T>(write: () => Promise<T>): Promise<T | 'shut'> {
    if (this.isShut) return 'shut';
    const isTrial = this.#failedAt !== undefined;
    if (isTrial) this.#trying = true;
    const before = this.#acknowledged;
    try {
      return await write();
    } catch (error) {
      if (this.#acknowledged === before) {
        if (this.#failedAt === undefined) this.#onTurn('away');
        this.#failedAt = this.#clock.now();
      }
      throw error;
    } finally {
      if (isTrial) this.#trying = false;
    }
  }
}
