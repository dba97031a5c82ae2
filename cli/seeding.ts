import type { SeedWish } from '../runtime/handover.ts';
import type { Log } from '../runtime/environment.ts';
import { partitionFor } from '../runtime/partition.ts';
import type { Processor } from '../runtime/processor.ts';
import { topics } from '../schemas/topics.ts';
import { followTopic } from '../services/follow-topic.ts';
import type { Workspace } from '../workspace/load.ts';
import type { Pipeline } from './pipeline.ts';
import { seed, type SeederOptions, type SeedResult } from './seeder.ts';

/** How often it looks whether there is something to do; nothing is read for that. */
const EVERY_MS = 250;

/**
 * Fulfils the wishes of divided customers whose task runs in this process, for as long as it runs: so each is fulfilled somewhere,
 * and again by whoever has the task next if this process dies over it.
 */
export function followSeeds(
  pipeline: Pipeline,
  processors: readonly Processor[],
  { identity, secret }: Pick<Workspace, 'identity' | 'secret'>,
  log: Log,
): { close(): Promise<void> } {
  const open = new Map<string, SeedWish>();
  const follower = followTopic({
    kafka: pipeline.kafka,
    reader: pipeline.reader,
    topic: pipeline.names.topic(topics.customersSeeds.name),
    serde: pipeline.serdes.of(topics.customersSeeds),
    from: 'start',
    onValue: (value) => {
      const told = value as SeedWish | SeedResult;
      const key = `${told.processor}/${told.from}`;
      if (told.kind === 'wish') open.set(key, told);
      else open.delete(key);
    },
  });
  const isHere = ({ processor, from }: SeedWish): boolean => {
    const worker = pipeline.workers.find((each) => each.processor.name === processor);
    const partition = partitionFor(from, pipeline.partitions);
    return worker?.status().some((task) => task.partition === partition && task.state === 'running') === true;
  };
  let working: Promise<void> | undefined;
  const work = async (): Promise<void> => {
    const wishes = [...open.values()].filter(isHere);
    try {
      for (const { processor, from } of await seed(wishes, seederOf(pipeline, processors, { identity, secret }))) {
        open.delete(`${processor}/${from}`);
        log('info', 'the heirs of a divided customer have what is theirs', { processor });
      }
    } catch (error) {
      log('warn', 'a divided customer cannot be recomputed now', { error: error instanceof Error ? error.name : 'error' });
    }
  };
  const looking = setInterval(() => {
    if (working !== undefined || open.size === 0) return;
    working = work().finally(() => (working = undefined));
  }, EVERY_MS);
  return {
    close: async () => {
      clearInterval(looking);
      follower.close();
      await working;
    },
  };
}

/** A seeder on the connections of a pipeline. */
export function seederOf(
  { kafka, producer, serdes, names, partitions }: Pick<Pipeline, 'kafka' | 'producer' | 'serdes' | 'names' | 'partitions'>,
  processors: readonly Processor[],
  { identity, secret }: Pick<Workspace, 'identity' | 'secret'>,
): SeederOptions {
  return { kafka, producer, serdes, topicName: ({ name }) => names.topic(name), partitions, processors, rules: identity, secret };
}
