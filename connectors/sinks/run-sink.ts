import { FreshetError } from '../../runtime/errors.ts';
import { topics } from '../../schemas/topics.ts';
import { systemTiming } from './contract.ts';
import type { SinkOptions } from './options.ts';
import { SinkTask } from './sink-task.ts';

/** A sink at work. */
export interface RunningSink {
  /** Over the partitions of this process. */
  status(): SinkStatus;
  /** Finishes what was begun, records it, and leaves the group. */
  stop(): Promise<void>;
}

export interface SinkStatus {
  /** Requests brought to an end since the start. */
  readonly finished: number;
  readonly waiting: number;
  /** Age of the oldest request that waits; 0 without one. Milliseconds. */
  readonly lagMs: number;
}

interface Running {
  readonly stop: AbortController;
  task?: SinkTask;
  done: Promise<void>;
}

const RETRY_MS = 1000;
const FENCED_MS = 3000;
const ENDS = new Set(['sent', 'failed', 'expired', 'unknown']);
const day = 24 * 60 * 60 * 1000;

/**
 * Joins the sink's group and runs a task for each partition it is given. A task that fails is taken over afresh after a pause;
 * the others go on. Resolves once it has joined; rejects with what the group answers.
 */
export async function runSink(given: SinkOptions): Promise<RunningSink> {
  const reader = given.kafka.reader();
  let finished = 0;
  const options: Required<SinkOptions> = {
    timing: systemTiming,
    log: () => undefined,
    handedOver: () => undefined,
    leaseMs: 5000,
    effectTimeoutMs: 10_000,
    concurrency: 4,
    window: 256,
    rememberMs: 7 * day,
    ...given,
    count: (name) => {
      if (ENDS.has(name)) finished++;
      given.count?.(name);
    },
  };
  const { kafka, names, partitions, timing, log } = options;
  const group = names.group(`${given.sink.channel}-sink`);
  const tasks = new Map<number, Running>();
  let stopping = false;

  const keepRunning = async (partition: number, before: Promise<void> | undefined, running: Running): Promise<void> => {
    const stop = running.stop.signal;
    await before;
    while (!stop.aborted) {
      try {
        running.task = new SinkTask({ ...options, group, partition, reader });
        await running.task.run(stop);
      } catch (error) {
        const fenced = error instanceof FreshetError && error.code === 'FENCED';
        const code = error instanceof FreshetError ? error.code : error instanceof Error ? error.name : 'error';
        log('warn', 'a task of the sink ended and takes over afresh', { group, partition, code });
        await timing.sleep(fenced ? FENCED_MS : RETRY_MS, stop);
      }
    }
  };

  const member = kafka.member({
    group,
    topic: names.topic(topics.activationsRequested.name),
    tasks: partitions,
    owned: () => [...tasks].filter(([, task]) => !task.stop.signal.aborted).map(([partition]) => partition),
    onAssignment: (assigned) => {
      if (stopping) return;
      for (const [partition, task] of tasks) if (!assigned.includes(partition)) task.stop.abort();
      for (const partition of assigned) {
        const before = tasks.get(partition);
        if (before !== undefined && !before.stop.signal.aborted) continue;
        const running: Running = { stop: new AbortController(), done: Promise.resolve() };
        tasks.set(partition, running);
        running.done = keepRunning(partition, before?.done, running);
      }
    },
    onLost: (reason) => log('warn', 'the sink lost its membership and joins again', { group, reason: reason.name }),
  });

  await member.start();
  return {
    status: () => {
      const waiting = [...tasks.values()].flatMap(({ task, stop }) =>
        stop.signal.aborted || task === undefined ? [] : [task.waiting],
      );
      const oldest = Math.min(timing.now(), ...waiting.flatMap(({ since }) => since ?? []));
      const requests = waiting.reduce((sum, task) => sum + task.requests, 0);
      return { finished, waiting: requests, lagMs: timing.now() - oldest };
    },
    stop: async () => {
      stopping = true;
      for (const task of tasks.values()) task.stop.abort();
      await Promise.all([...tasks.values()].map((task) => task.done));
      await member.stop();
      await reader.close();
    },
  };
}
