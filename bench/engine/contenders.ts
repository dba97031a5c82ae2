import { join } from 'node:path';
import type { TopicSpec } from '../../runtime/topic.ts';
import type { BenchCluster } from '../support/cluster.ts';
import { kafkaStreams } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import type { CheckedTopics } from './check.ts';
import { type EngineSettings, IN, outTopic, PARTITIONS, topicSpec } from './job.ts';

/** One way to do the job, on so many cores. */
export interface Contender {
  readonly name: string;
  /** Processes of ours, threads of Kafka Streams. */
  readonly cores: number;
  topics(prefix: string): CheckedTopics & { readonly specs: readonly TopicSpec[] };
  /** Starts all processes on topics of this prefix; they are at work when it returns. */
  start(cluster: BenchCluster, prefix: string): Promise<Program[]>;
}

const compact = { 'cleanup.policy': 'compact' };

/** Programs of ours, all ready before the first begins. */
async function node(file: string, settings: readonly EngineSettings[]): Promise<Program[]> {
  const path = join(import.meta.dirname, file);
  // Flags of the one who asks, e.g. --cpu-prof, are for the programs.
  const flags = (process.env['BENCH_NODE_FLAGS'] ?? '').split(' ').filter((flag) => flag !== '');
  const args = ['--disable-warning=ExperimentalWarning', ...flags, path];
  const programs = settings.map((each) => new Program(file, process.execPath, [...args, JSON.stringify(each)]));
  await Promise.all(programs.map((program) => program.says('ready')));
  for (const program of programs) program.tell({ go: true });
  return programs;
}

const ourTopics = (prefix: string): ReturnType<Contender['topics']> => {
  const changelog = `${prefix}aggregate.changelog`;
  const specs = [topicSpec(outTopic(prefix)), topicSpec(`${prefix}rejected`), topicSpec(changelog, compact)];
  return { out: outTopic(prefix), changelog, specs, state: 'ours' };
};

export function ours(processes: number): Contender {
  return {
    name: 'freshet',
    cores: processes,
    topics: ourTopics,
    start: ({ brokers, folder }, prefix) =>
      node(
        'ours.ts',
        Array.from({ length: processes }, (_, i) => ({ brokers, prefix, dataDir: join(folder, `${prefix}${i}`) })),
      ),
  };
}

export function bare(processes: number): Contender {
  return {
    name: 'bare loop on the same client',
    cores: processes,
    topics: (prefix) => ({ ...ourTopics(prefix), state: 'json' }),
    start: ({ brokers, folder }, prefix) =>
      node(
        'bare.ts',
        Array.from({ length: processes }, (_, i) => ({
          brokers,
          prefix,
          dataDir: join(folder, `${prefix}${i}`),
          share: Array.from({ length: PARTITIONS }, (_, partition) => partition).filter((one) => one % processes === i),
        })),
      ),
  };
}

/** Exactly once, and otherwise as it comes. */
const asItComes = {
  'processing.guarantee': 'exactly_once_v2',
  'auto.offset.reset': 'earliest',
  'replication.factor': 1,
} as const;

/**
 * Tuned for throughput: large batches, fetches as large as ours, and a cache that holds all keys, so that the store is hardly read
 * and the changelog gets the last value per key and commit.
 */
const tuned = {
  ...asItComes,
  'statestore.cache.max.bytes': 128 * 1024 * 1024,
  'producer.linger.ms': 100,
  'producer.batch.size': 256 * 1024,
  'producer.buffer.memory': 128 * 1024 * 1024,
  'producer.compression.type': 'none',
  'consumer.max.poll.records': 5000,
  'consumer.fetch.max.bytes': 16 * 1024 * 1024,
} as const;

/** `commitMs`: 100 is what Kafka Streams takes for exactly once by itself. */
export function streams(threads: number, tuning: 'as it comes' | 'tuned', commitMs: number): Contender {
  return {
    name: `Kafka Streams ${tuning}, commit every ${commitMs} ms`,
    cores: threads,
    topics: (prefix) => ({
      out: outTopic(prefix),
      changelog: `${prefix}app-sums-changelog`,
      state: 'json',
      specs: [topicSpec(outTopic(prefix))],
    }),
    start: async ({ brokers, folder }, prefix) => [
      kafkaStreams('Aggregate', {
        in: IN,
        out: outTopic(prefix),
        store: 'sums',
        'application.id': `${prefix}app`,
        'bootstrap.servers': brokers.join(','),
        'state.dir': join(folder, `${prefix}streams`),
        'num.stream.threads': threads,
        'commit.interval.ms': commitMs,
        ...(tuning === 'tuned' ? tuned : asItComes),
      }),
    ],
  };
}
