import { parseArgs } from 'node:util';
import { connectKafka } from '../runtime/kafka/connect.ts';
import { check } from './engine/check.ts';
import { bare, type Contender, ours, streams } from './engine/contenders.ts';
import { fill, IN, topicSpec } from './engine/job.ts';
import { startBenchCluster } from './support/cluster.ts';
import { keep } from './support/results.ts';
import { spread, type Spread } from './support/statistics.ts';
import { watch, type Window } from './support/window.ts';

/** Of one contender over all its runs. */
export interface EngineRow {
  readonly name: string;
  readonly cores: number;
  readonly rate: Spread;
  readonly cpu: Spread;
  readonly brokerCpu: Spread;
  readonly memory: Spread;
}

export interface EngineValues {
  readonly events: number;
  readonly runs: number;
  readonly rows: readonly EngineRow[];
}

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1500000' },
    runs: { type: 'string', default: '3' },
    /** Some of: ours, streams, bare. */
    only: { type: 'string', default: 'streams,ours,bare' },
    cores: { type: 'string', default: '1,2' },
    keep: { type: 'boolean', default: false },
    /** Keeps the results in this folder instead. */
    out: { type: 'string' },
  },
});
const events = Number(values.events);
const kinds: Readonly<Record<string, (cores: number) => Contender[]>> = {
  ours: (cores) => [ours(cores)],
  bare: (cores) => [bare(cores)],
  streams: (cores) => [streams(cores, 'as it comes', 100), streams(cores, 'tuned', 100), streams(cores, 'tuned', 1000)],
};
const cores = values.cores.split(',').map(Number);
const contenders = cores.flatMap((count) => values.only.split(',').flatMap((kind) => kinds[kind]?.(count) ?? []));

const cluster = await startBenchCluster();
const kafka = await connectKafka({ brokers: cluster.brokers, clientId: 'bench' });
const windows = new Map<Contender, Window[]>(contenders.map((contender) => [contender, []]));
try {
  await kafka.admin.createTopics([topicSpec(IN)]);
  await fill(kafka.producer(), events);
  // Alternated, so that whatever else the machine does falls on all alike.
  for (let run = 0; run < Number(values.runs); run++) {
    for (const [contender, seen] of windows) seen.push(await measure(contender, `r${run}c${contenders.indexOf(contender)}.`));
  }
} finally {
  await kafka.close();
  await cluster.stop();
}
const rows = [...windows].map(([{ name, cores }, seen]): EngineRow => {
  const of = (pick: (window: Window) => number): Spread => spread(seen.map(pick));
  return {
    name,
    cores,
    rate: of(({ rate }) => rate),
    cpu: of(({ cpu }) => cpu),
    brokerCpu: of(({ brokerCpu }) => brokerCpu),
    memory: of(({ memory }) => memory),
  };
});
const kept: EngineValues = { events, runs: Number(values.runs), rows };
if (values.keep || values.out !== undefined) keep('engine', 'npm run bench:engine -- --keep', kept, values.out);
for (const count of cores) {
  const best = (name: string): number =>
    Math.max(...rows.filter((row) => row.cores === count && row.name.startsWith(name)).map(({ rate }) => rate.median));
  const ratio = best('freshet') / best('Kafka Streams');
  if (Number.isFinite(ratio)) console.log(`freshet/kafka-streams on ${count} cores: ${ratio.toFixed(2)}`);
}

async function measure(contender: Contender, prefix: string): Promise<Window> {
  const topics = contender.topics(prefix);
  await kafka.admin.createTopics(topics.specs);
  const programs = await contender.start(cluster, prefix);
  try {
    const window = await watch(programs, events, cluster.brokerCpu);
    await Promise.all(programs.map((program) => program.stop()));
    await check(kafka, topics, events);
    const told = `${window.rate} records/s, ${window.cpu.toFixed(1)} µs CPU per record (broker ${window.brokerCpu.toFixed(1)})`;
    console.log(`${contender.name}, ${contender.cores} cores: ${told}, ${window.memory} MiB; result checked`);
    return window;
  } finally {
    await Promise.all(programs.map((program) => program.kill()));
    await kafka.admin.deleteTopics(topics.specs.map(({ name }) => name));
  }
}
