import type { Clock } from '../../../runtime/clock.ts';
import type { Producer } from '../../../runtime/kafka/contract.ts';

/** A clock is taken to be wrong when a broker's answer contradicts it by more than this. */
const TOLERANCE_MS = 5_000;

/** A clock that is put right by what the brokers say, since theirs is the clock of all watermarks. */
export interface BrokerClock extends Clock {
  /** By how much the clock of this machine is taken to be behind the brokers', milliseconds; 0 as long as they do not contradict it. */
  readonly behindMs: number;
  /** Hears a time of a broker, epoch milliseconds, from between two times of this machine's clock. */
  hear(appendedAt: number, asked: number, answered: number): void;
}

/** `onChange` is told when the clock turns out to be wrong by another amount, or right again. */
export function brokerClock(clock: Clock, onChange: (behindMs: number) => void): BrokerClock {
  let behindMs = 0;
  return {
    now: () => clock.now() + behindMs,
    get behindMs() {
      return behindMs;
    },
    hear: (appendedAt, asked, answered) => {
      const outside = appendedAt > answered ? appendedAt - answered : Math.min(0, appendedAt - asked);
      const found = Math.abs(outside) > TOLERANCE_MS ? outside : 0;
      const isNews = Math.abs(found - behindMs) > TOLERANCE_MS;
      behindMs = found;
      if (isNews) onChange(found);
    },
  };
}

/** The same producer; the append times that it is answered with are told to the clock. */
export function heardBy(broker: BrokerClock, clock: Clock, producer: Producer): Producer {
  return {
    send: async (batch, options) => {
      const asked = clock.now();
      const result = await producer.send(batch, options);
      if (result.appendTime !== undefined) broker.hear(result.appendTime, asked, clock.now());
      return result;
    },
    close: () => producer.close(),
  };
}
