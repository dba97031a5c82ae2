import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { LocalCluster } from '../../infra/local/cluster.ts';
import { connectKafka } from '../../runtime/kafka/connect.ts';
import type { Kafka } from '../../runtime/kafka/contract.ts';
import { tpKey } from '../../runtime/record.ts';
import { ProgressTable } from '../../runtime/watermarks/progress.ts';
import { rawTopic, topics } from '../../schemas/topics.ts';
import { startThreeBrokers } from '../support/three-brokers.ts';
import { drawFaults, wreak } from './faults.ts';
import { judge, type Verdict } from './judge/judge.ts';
import { LiveHistory } from './live-history.ts';
import { SteadyProducer } from './producer.ts';
import { Rack } from './rack.ts';
import { RegistryGate } from './registry-gate.ts';
import { type ChaosOptions, LAST_CHANGE_MS, PARTITIONS } from './settings.ts';

export interface ChaosResult extends Verdict {
  readonly faults: number;
  /** From the end of the last fault until all that had been acknowledged by then had come out, milliseconds. */
  readonly caughtUpMs: number;
  /** `faults N, records N, lost 0, …` */
  readonly line: string;
}

/** When nothing has come out for so long, nothing will, milliseconds. */
const DRAIN_MS = 150_000;
/** However much still comes. */
const LONGEST_MS = 1_200_000;

const read = [
  topics.eventsRaw,
  rawTopic('till'),
  topics.eventsTagged,
  topics.eventsRejected,
  topics.eventsIdentified,
  topics.segmentsMembership,
  topics.activationsRequested,
  topics.activationsWithheld,
  topics.profilesChanges,
  topics.fraudAlerts,
].map(({ name }) => name);

/** Runs on a cluster of its own. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const cluster = await startThreeBrokers({ registry: true });
  try {
    return await runChaosOn(cluster, options);
  } finally {
    await cluster.stop();
  }
}

/** Drives the whole pipeline, with topics of its own, through the faults that the seed draws, and judges what has come of it. */
export async function runChaosOn(cluster: LocalCluster, options: ChaosOptions): Promise<ChaosResult> {
  const began = Date.now();
  const say = (line: string): void => options.say(`${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  const dataDir = mkdtempSync(join(tmpdir(), 'freshet-chaos-'));
  const prefix = `${basename(dataDir).slice('freshet-'.length)}.`;
  const registry = await RegistryGate.to(cluster.registryUrl);
  const { mutation, logs } = options;
  const rack = new Rack({ brokers: cluster.brokers, registryUrl: registry.url, prefix, dataDir, mutation, logs, say });
  let kafka: Kafka | undefined;
  let live: LiveHistory | undefined;
  try {
    await rack.up();
    kafka = await connectKafka({ brokers: cluster.brokers, clientId: 'chaos' }, { waitMs: 60_000 });
    live = new LiveHistory(
      kafka,
      read.map((name) => prefix + name),
      PARTITIONS,
    );
    say(`all is up; seed ${options.seed}, ${options.events} events in ${options.minutes} min`);
    return await drive(options, { cluster, registry, rack, kafka, live, prefix, say });
  } finally {
    await rack.kill();
    await live?.close();
    await kafka?.close();
    await registry.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

interface Stage {
  readonly cluster: LocalCluster;
  readonly registry: RegistryGate;
  readonly rack: Rack;
  readonly kafka: Kafka;
  readonly live: LiveHistory;
  readonly prefix: string;
  readonly say: (line: string) => void;
}

async function drive(options: ChaosOptions, { cluster, registry, rack, kafka, live, prefix, say }: Stage): Promise<ChaosResult> {
  const { seed, events } = options;
  const durationMs = options.minutes * 60_000;
  const gateways = (): readonly string[] => rack.addresses;
  const tillTopic = prefix + rawTopic('till').name;
  const producer = new SteadyProducer({ seed, events, durationMs, kafka, tillTopic, gateways });
  const identified = (): number => live.count(prefix + topics.eventsIdentified.name);
  const producing = producer.run();
  const victims = { workers: rack.workers, gateways: rack.gateways, cluster, registry };
  const note = (line: string): void => say(`${line}; ${producer.acked} acknowledged, ${identified()} identified`);
  let caughtUpMs = 0;
  let recovering: Promise<void> = Promise.resolve();
  const done = (fault: string): void => {
    const [until, ended] = [producer.acceptable, Date.now()];
    recovering = Promise.all([recovering, reaches(() => identified() >= until, live)]).then(() => {
      caughtUpMs = Date.now() - ended;
      say(`all from before the end of ${fault} is identified ${(caughtUpMs / 1000).toFixed(1)} s after it`);
    });
  };
  const faults = await wreak(drawFaults(seed, options.faults), durationMs * 0.94, victims, note, done);
  await producing;
  const lastEvent = Date.now();
  note(`all is sent, with ${producer.retries} retries`);
  await recovering;
  if (!(await reaches(() => identified() >= producer.acceptable, live))) note('not all has come out');
  const progress = await follow(kafka, prefix + topics.progress.name);
  const past = (stage: string): boolean =>
    ['web', 'till'].every((source) => progress.minimum(stage, PARTITIONS, source).at > lastEvent + LAST_CHANGE_MS);
  const clocksStand = !(await reaches(() => past('customers') && past('detect-fraud'), live));
  if (clocksStand) {
    say(`the clocks stand still:\n${rack.tails}`);
    for (const { stage, task, source, at } of progress.all())
      say(`${stage} ${task} claims of ${source} ${((at - lastEvent) / 1000).toFixed(1)} s after the last event`);
  }
  progress.close();
  say(`drained ${((Date.now() - lastEvent) / 1000).toFixed(1)} s after the last event`);
  await rack.stop();
  const ends = await kafka.admin.endOffsets(live.partitions);
  if (!(await reaches(() => live.isAt(ends), live))) say('the reader beside it does not come to the end');
  say(`stopped; ${rack.ends} processes had ended by themselves`);

  const roots = rack.storeRoots;
  const { brokers, registryUrl } = cluster;
  const ackedAfter = producer.ackedAfter;
  const verdict = await judge({ brokers, registryUrl, kafka, prefix, live, seed, events, ackedAfter, roots, say });
  if (clocksStand) verdict.counts.add('membership-diff', 'the clocks stand still', 'what they claim is said above');
  for (const line of verdict.counts.lines()) say(line);
  return { ...verdict, faults, caughtUpMs, line: `faults ${faults}, records ${verdict.records}, ${verdict.counts.summary()}` };
}

async function follow(kafka: Kafka, topic: string): Promise<ProgressTable> {
  const control = { topic, partition: 0 };
  const id = tpKey(control.topic, control.partition);
  const start = (await kafka.admin.startOffsets([control])).get(id) ?? 0;
  const end = (await kafka.admin.endOffsets([control])).get(id) ?? 0;
  const progress = new ProgressTable();
  await progress.follow(kafka.reader(), control.topic, start, end);
  return progress;
}

/** True as soon as the condition holds; false when it does not, and nothing has come out for too long. */
async function reaches(condition: () => boolean, live: LiveHistory): Promise<boolean> {
  const last = Date.now() + LONGEST_MS;
  let [seen, until] = [live.total, Date.now() + DRAIN_MS];
  while (Date.now() < Math.min(until, last)) {
    if (condition()) return true;
    if (live.total > seen) [seen, until] = [live.total, Date.now() + DRAIN_MS];
    await delay(50);
  }
  return false;
}
