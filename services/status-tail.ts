import type { Clock } from '../runtime/clock.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Names } from '../runtime/environment.ts';
import type { Kafka } from '../runtime/kafka/contract.ts';
import type { SerdeSource, Topic } from '../runtime/topic.ts';
import { topics } from '../schemas/topics.ts';
import { followTopic } from './follow-topic.ts';
import type { Follower } from './follow-topic.ts';
import { StatusFold } from './status-fold.ts';
import type { Status } from './views.ts';

export interface StatusTailOptions {
  readonly kafka: Kafka;
  readonly serdes: SerdeSource;
  readonly names: Names;
  readonly clock?: Clock;
  /** Records of each partition that are read from before the start, of topics that are not read whole; default 200. */
  readonly before?: number;
}

/** Follows what the pipeline decides and does; for the live page and the terminal. */
export interface StatusTail {
  snapshot(): Status;
  /** Resolves when all memberships of before the start have been read. */
  readonly complete: Promise<void>;
  close(): Promise<void>;
}

/**
 * Reads segments.membership whole, in the background, and everything else from shortly before its end.
 * Only committed records count. Needs no group and writes nothing.
 */
export function createStatusTail({ kafka, serdes, names, clock = systemClock, before = 200 }: StatusTailOptions): StatusTail {
  const fold = new StatusFold();
  const reader = kafka.reader();
  const follow = <V>(topic: Topic<V>, from: 'start' | number, onValue: (value: V, live: boolean) => void): Follower =>
    followTopic({
      kafka,
      reader,
      topic: names.topic(topic.name),
      serde: serdes.of(topic),
      from,
      onValue: (value, _, live) => onValue(value, live),
    });
  const memberships = follow(topics.segmentsMembership, 'start', (change, live) => fold.membership(change, live));
  const followers = [
    memberships,
    follow(topics.activationsRequested, before, (request) => fold.requested(request)),
    follow(topics.activationsWithheld, before, (withheld, live) => fold.withheld(withheld, live)),
    follow(topics.activationsOutcomes, before, (outcome, live) => fold.outcome(outcome, live)),
    follow(topics.fraudAlerts, before, (alert) => fold.alert(alert)),
    follow(topics.sourcesFreshness, 'start', (freshness) => fold.source(freshness)),
    follow(topics.eventsRejected, before, (rejected, live) => fold.rejected(rejected, live)),
  ];
  return {
    snapshot: () => fold.snapshot(clock.now()),
    complete: memberships.caughtUp.then(() => {
      fold.complete = true;
    }),
    close: async () => {
      for (const follower of followers) follower.close();
      await reader.close();
    },
  };
}
