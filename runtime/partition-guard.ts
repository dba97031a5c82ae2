import { FreshetError } from './errors.ts';
import type { Admin } from './kafka/contract.ts';

export interface PartitionGuardOptions {
  readonly admin: Pick<Admin, 'partitions'>;
  /** Physical names. */
  readonly topics: readonly string[];
  /** Partitions that each must have. */
  readonly partitions: number;
  /** Heard once for each topic that has another number, or is gone: TOPIC_MISMATCH, which says what to do. */
  readonly onMismatch: (topic: string, error: FreshetError) => void;
  readonly everyMs?: number;
}

const EVERY_MS = 10_000;

/**
 * Looks every ten seconds whether topics still have the partitions that they had at the start. Keys of a topic that has
 * grown lie elsewhere from then on, where no task reads. Returns how to stop that.
 */
export function guardPartitions(options: PartitionGuardOptions): () => void {
  const { admin, partitions, onMismatch, everyMs = EVERY_MS } = options;
  const left = new Set(options.topics);
  let looking = false;
  const look = async (): Promise<void> => {
    if (looking) return;
    looking = true;
    const check = async (topic: string): Promise<void> => {
      const found = await admin.partitions(topic);
      if (found === partitions || !left.delete(topic)) return;
      const has = found === undefined ? 'is gone' : `has ${found} partitions now`;
      const message = `topic ${topic} ${has}, ${partitions} are expected: see "A changed number of partitions" in docs/operations.md`;
      onMismatch(topic, new FreshetError('TOPIC_MISMATCH', message));
    };
    // Brokers that are away are the business of others.
    await Promise.allSettled([...left].map(check));
    looking = false;
  };
  const timer = setInterval(() => void look(), everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
