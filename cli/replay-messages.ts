import { topics } from '../schemas/topics.ts';
import { followTopic } from '../services/follow-topic.ts';
import type { Pipeline } from './pipeline.ts';

/**
 * Waits until each of the requested messages has come to an end, and says how many ended how. `onOutcome` hears how many
 * have ended so far. Returns what is known when `signal` aborts.
 */
export async function messageOutcomes(
  { kafka, serdes, names }: Pick<Pipeline, 'kafka' | 'serdes' | 'names'>,
  requested: ReadonlySet<string>,
  signal: AbortSignal,
  onOutcome: (ended: number) => void = () => undefined,
): Promise<ReadonlyMap<string, number>> {
  if (requested.size === 0) return new Map();
  const statuses = new Map<string, string>();
  const reader = kafka.reader();
  const topic = topics.activationsOutcomes;
  await new Promise<void>((resolve) => {
    const check = (): void => {
      if (statuses.size < requested.size && !signal.aborted) return;
      follower.close();
      signal.removeEventListener('abort', check);
      resolve();
    };
    const follower = followTopic({
      kafka,
      reader,
      topic: names.topic(topic.name),
      serde: serdes.of(topic),
      from: 'start',
      onValue: ({ id, status }) => {
        if (status === 'attempting' || !requested.has(id)) return;
        statuses.set(id, status);
        onOutcome(statuses.size);
        check();
      },
    });
    signal.addEventListener('abort', check);
    check();
  });
  await reader.close();
  const counts = new Map<string, number>();
  for (const status of statuses.values()) counts.set(status, (counts.get(status) ?? 0) + 1);
  return counts;
}
