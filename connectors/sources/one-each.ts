import type { GroupMember, Kafka } from '../../runtime/kafka/contract.ts';

export interface OneEachOptions {
  readonly kafka: Kafka;
  /** Physical names. */
  readonly group: string;
  readonly topic: string;
  /** How many there are to be shared out among the processes of the group. */
  readonly count: number;
  /** Works until the signal comes; may not reject. */
  readonly run: (index: number, signal: AbortSignal) => Promise<void>;
}

/** Shares out what one process at a time may do, each by its index; a change of owners begins anew only what has moved. */
export async function oneEach({ kafka, group, topic, count, run }: OneEachOptions): Promise<{ stop(): Promise<void> }> {
  const running = new Map<number, { readonly end: AbortController; readonly done: Promise<void> }>();
  const member: GroupMember = kafka.member({
    group,
    topic,
    tasks: count,
    owned: () => [...running.keys()],
    onAssignment: (tasks) => {
      for (const [task, { end }] of running)
        if (!tasks.includes(task)) {
          end.abort();
          running.delete(task);
        }
      for (const task of tasks) {
        if (task >= count || running.has(task)) continue;
        const end = new AbortController();
        running.set(task, { end, done: run(task, end.signal) });
      }
    },
  });
  await member.start();
  return {
    stop: async () => {
      for (const { end } of running.values()) end.abort();
      await Promise.all([...running.values()].map(({ done }) => done));
      await member.stop();
    },
  };
}
