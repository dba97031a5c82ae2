import type { Kafka } from '../runtime/kafka/contract.ts';
import { tpKey } from '../runtime/record.ts';
import type { Worker } from '../runtime/worker.ts';

/** A processor that is down. */
export interface Down {
  /** Epoch milliseconds. */
  readonly since: number;
  /** Records of its inputs that nobody has read yet, as of the last second. */
  readonly waiting: number;
}

export interface TornDown {
  readonly down: Down;
  /** No longer asks how much waits. */
  forget(): void;
}

/**
 * Tears the tasks of a worker down in the middle of their work: what was not committed is lost to them, as in a crash. Resolves
 * when they are gone; whoever comes next finds the last committed transaction and goes on from there.
 */
export async function tearDown(worker: Worker, kafka: Kafka, now: () => number): Promise<TornDown> {
  const positions = new Map<string, { readonly topic: string; readonly partition: number; readonly position: number }>();
  for (const { partition: each } of worker.status()) {
    const task = worker.task(each);
    for (const { topic, partition } of task?.inputs?.partitions() ?? []) {
      const id = tpKey(topic, partition);
      positions.set(id, { topic, partition, position: task?.inputs?.position(id) ?? 0 });
    }
    task?.stop();
    void task?.close().catch(() => undefined);
  }
  const since = now();
  let waiting = 0;
  const look = async (): Promise<void> => {
    const ends = await kafka.admin.endOffsets([...positions.values()]).catch(() => undefined);
    if (ends === undefined) return;
    waiting = [...positions].reduce((sum, [id, { position }]) => sum + Math.max(0, (ends.get(id) ?? 0) - position), 0);
  };
  const looking = setInterval(() => void look(), 1000);
  looking.unref();
  await worker.stop();
  return {
    down: {
      since,
      get waiting() {
        return waiting;
      },
    },
    forget: () => clearInterval(looking),
  };
}
