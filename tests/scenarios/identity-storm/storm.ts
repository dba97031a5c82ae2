import { setTimeout as delay } from 'node:timers/promises';
import { connectKafka } from '../../../runtime/kafka/connect.ts';
import type { Kafka } from '../../../runtime/kafka/contract.ts';
import type { ProduceRecord, TopicPartition } from '../../../runtime/record.ts';
import { ProgressTable } from '../../../runtime/watermarks/progress.ts';
import { connectRegistry } from '../../../schemas/registry/confluent.ts';
import { createSerdes } from '../../../schemas/serdes.ts';
import { rawTopic, topics } from '../../../schemas/topics.ts';
import { Deployment, type RunningFreshet } from '../../support/deployment.ts';
import { Outcome } from './outcome.ts';
import { type Happening, kindOf, kinds, populate } from './people.ts';
import { referenceOf } from './reference.ts';
import { judge, type Verdict } from './verdict.ts';
import { workspace } from './workspace.ts';

export interface StormOptions {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  readonly seed: number;
  readonly people: number;
  readonly events: number;
  readonly say: (line: string) => void;
}

export interface StormResult extends Verdict {
  readonly events: number;
  readonly identifiers: number;
  /** Events a second, from the first that was sent until the last had come out, the kill included. */
  readonly rate: number;
  readonly milliseconds: number;
}

const PARTITIONS = 4;
const BATCH = 500;
/** Of all that happens: so much is sent before a machine is killed, when half of all has come out. */
const SENT_BEFORE = 0.6;
const parts = ['tag-freshness', 'stitch-identity', 'watch-sources', 'customers'];
/** What one key tells another arrives well within this time while all live, milliseconds. */
const QUIET_MS = 1_000;
const PATIENCE_MS = 900_000;
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Sends what people did to two machines that share the work, kills one (-9) when half of it has come out, and compares what all
 * came to, customers and members of segments, with a reference that knows nothing of the pipeline. In the end every identifier is
 * called once more, alone: whose event that becomes says whose it is.
 */
export async function storm(options: StormOptions): Promise<StormResult> {
  const { brokers, registryUrl, say } = options;
  const { happenings } = populate(options.seed, options.people, options.events);
  const env = { KAFKA_BROKERS: brokers.join(','), SCHEMA_REGISTRY_URL: registryUrl, FRESHET_PARTITIONS: String(PARTITIONS) };
  const deployment = await Deployment.create(workspace, env);
  const { prefix } = deployment;
  const machines: RunningFreshet[] = [await deployment.run(parts, 'one')];
  machines.push(await deployment.run(parts, 'two'));
  const kafka = await connectKafka({ brokers, clientId: 'identity-storm' });
  const serdes = createSerdes({ registry: connectRegistry({ url: registryUrl }), prefix });
  const outcome = new Outcome(kafka, serdes, prefix, PARTITIONS);
  try {
    const began = Date.now();
    const origin = began - DAY_MS - lastOf(happenings);
    say('all is up');
    const cut = Math.floor(happenings.length * SENT_BEFORE);
    const first = send(kafka, prefix, happenings.slice(0, cut), origin);
    await outcome.until(() => outcome.events.size >= happenings.length / 2 && outcome.mergedInto.size > 0, PATIENCE_MS);
    await machines[0]?.kill();
    say(`killed a machine when ${outcome.events.size} events and ${outcome.mergedInto.size} merges had come out`);
    await Promise.all([first, send(kafka, prefix, happenings.slice(cut), origin)]);
    await outcome.until(() => outcome.events.size >= happenings.length, PATIENCE_MS);
    const milliseconds = Date.now() - began;
    await settled(kafka, prefix);
    const reference = referenceOf(happenings);
    const identifiers = [...reference.ownerOf.keys()];
    await send(kafka, prefix, identifiers.map(rollCall), origin + DAY_MS / 2 + lastOf(happenings));
    await outcome.until(() => outcome.events.size >= happenings.length + identifiers.length, PATIENCE_MS);
    await outcome.catchUp();
    const verdict = judge(happenings, reference, outcome);
    const rate = Math.round((happenings.length * 1000) / milliseconds);
    return { ...verdict, events: happenings.length, identifiers: identifiers.length, rate, milliseconds };
  } finally {
    await outcome.close();
    await kafka.admin.deleteTopics((await kafka.admin.topics()).filter((name) => name.startsWith(prefix)));
    await kafka.close();
    await deployment.close();
  }
}

/** An event that names this identifier alone; it changes no segment. */
function rollCall(name: string, at: number): Happening {
  return { id: `call ${name}`, at, names: [name], total: null, plan: null };
}

async function send(kafka: Kafka, prefix: string, happenings: readonly Happening[], origin: number): Promise<void> {
  const topic = prefix + rawTopic('storm').name;
  const producer = kafka.producer();
  const lane = async (partition: number): Promise<void> => {
    const own = happenings.filter((_, i) => i % PARTITIONS === partition);
    for (let i = 0; i < own.length; i += BATCH)
      await producer.send({ topic, partition, records: own.slice(i, i + BATCH).map((each) => recordOf(each, origin)) });
  };
  await Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => lane(partition)));
  await producer.close();
}

function recordOf({ id, at, names, total, plan }: Happening, origin: number): ProduceRecord {
  const identifiers = {
    ...Object.fromEntries(kinds.map((kind) => [kind, null])),
    ...Object.fromEntries(names.map((name) => [kindOf(name), name.slice(kindOf(name).length + 1)])),
  };
  const what =
    total === null
      ? { what: 'Identify', traits: plan === null ? {} : { plan } }
      : { what: 'Order Completed', properties: { order_id: id, total } };
  const value = { id, at: new Date(origin + at).toISOString(), ...what, ...identifiers };
  return { key: Buffer.from(names[0] ?? ''), value: Buffer.from(JSON.stringify(value)), headers: {} };
}

/**
 * Resolves when both stages claim to be past a moment after the last event, so that every task lives and waits for no answer, and
 * nothing was written between keys for a while after that.
 */
async function settled(kafka: Kafka, prefix: string): Promise<void> {
  const now = Date.now();
  const control = { topic: prefix + topics.progress.name, partition: 0 };
  const ends = async (of: readonly TopicPartition[]): Promise<readonly number[]> => [
    ...(await kafka.admin.endOffsets(of)).values(),
  ];
  const [start = 0] = (await kafka.admin.startOffsets([control])).values();
  const progress = new ProgressTable();
  await progress.follow(kafka.reader(), control.topic, start, (await ends([control]))[0] ?? 0);
  const stages = ['stitch-identity', 'customers'];
  const behind = (stage: string): number => now - progress.minimum(stage, PARTITIONS, 'storm').at;
  await reaches(
    async () => stages.every((stage) => behind(stage) < 0),
    () => stages.map((stage) => `${stage} is ${Math.round(behind(stage) / 1000)} s behind`).join(', '),
  );
  progress.close();
  const between = [topics.identityLinks, topics.eventsIdentified, topics.customersLoop, topics.segmentsMembership];
  const partitions = between.flatMap(({ name }) =>
    Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: prefix + name, partition })),
  );
  let last = '';
  let since = 0;
  await reaches(
    async () => {
      const found = (await ends(partitions)).join();
      if (found !== last) since = Date.now();
      last = found;
      return Date.now() - since > QUIET_MS;
    },
    () => 'keys go on telling each other',
  );
}

async function reaches(condition: () => Promise<boolean>, why: () => string): Promise<void> {
  for (const until = Date.now() + PATIENCE_MS; !(await condition());) {
    if (Date.now() > until) throw new Error(`what is under way does not arrive: ${why()}`);
    await delay(100);
  }
}

function lastOf(happenings: readonly Happening[]): number {
  return happenings.reduce((last, { at }) => Math.max(last, at), 0);
}
