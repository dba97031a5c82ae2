import {
  beginning,
  bornWith,
  readyBy,
  rulesOf,
  turnedBy,
  type GenerationRecord,
} from '../processors/evaluate-segments/generation.ts';
import { canonical } from '../processors/evaluate-segments/canonical.ts';
import type { RulesConfig } from '../processors/evaluate-segments/index.ts';
import { segmentCompiler, type CompiledSegment } from '../processors/evaluate-segments/segment.ts';
import { type Log, prefixedNames } from '../runtime/environment.ts';
import type { Kafka } from '../runtime/kafka/contract.ts';
import { REVISION } from '../runtime/processor.ts';
import { tpKey } from '../runtime/record.ts';
import { ProgressTable } from '../runtime/watermarks/progress.ts';
import { hashId } from '../schemas/keys.ts';
import type { Serdes } from '../schemas/serdes.ts';
import { topicSpecs } from '../schemas/topic-specs.ts';
import { topics } from '../schemas/topics.ts';
import type { Workspace } from '../workspace/load.ts';
import { scanTopic } from './scan.ts';
import { CUSTOMERS } from './topology.ts';

/** A generation of rules on the topic `segments.rules`. */
export interface RulesRow extends GenerationRecord {
  /** Of what the rules mean. */
  readonly hash: string;
  /** When it came, epoch milliseconds. */
  readonly at: number;
  readonly timezone: string;
  readonly segments: readonly RulesSegment[];
}

interface RulesSegment {
  readonly key: string;
  readonly version: string;
  readonly definition: Readonly<Record<string, unknown>>;
}

/** What is known of the rules of a deployment. */
export interface RulesState {
  /** Ascending. */
  readonly rows: readonly RulesRow[];
  /** What each task claims of its revision; -Infinity: nothing yet. */
  readonly claims: readonly number[];
}

export interface RulesOptions {
  readonly kafka: Kafka;
  readonly serdes: Pick<Serdes, 'of'>;
  readonly prefix: string;
  readonly partitions: number;
}

/** Reads which rules there were, and how far the tasks are with the newest. */
export async function readRules({ kafka, serdes, prefix, partitions }: RulesOptions): Promise<RulesState> {
  const names = prefixedNames(prefix);
  const serde = serdes.of(topics.segmentsRules);
  const rows = new Map<number, RulesRow>();
  await scanTopic(kafka, names.topic(topics.segmentsRules.name), ({ value }) => {
    if (value !== null) {
      const row = serde.decode(value) as RulesRow;
      // Of several processes that told one of this number the first counts.
      if (!rows.has(row.number)) rows.set(row.number, row);
    }
    return 'go on';
  });
  const progress = new ProgressTable();
  await scanTopic(kafka, names.topic(topics.progress.name), ({ key, value, timestamp }) => {
    progress.apply(key?.toString('utf8') ?? '', value, timestamp);
    return 'go on';
  });
  const claims = Array.from(
    { length: partitions },
    (_, task) => progress.get(CUSTOMERS, String(task), REVISION)?.at ?? Number.NEGATIVE_INFINITY,
  );
  return { rows: [...rows.values()].sort((one, other) => one.number - other.number), claims };
}

/**
 * The generation that the segments of the workspace are, told on `segments.rules` if it is new, and what the processor must know of
 * those before it. Call it before anything runs; brokers that are away reject.
 */
export async function agreeOnRules(
  options: RulesOptions & {
    readonly workspace: Pick<Workspace, 'segments' | 'timezone' | 'rates'>;
    readonly log: Log;
    readonly now: number;
  },
): Promise<RulesConfig> {
  const { kafka, prefix, partitions, serdes, workspace, log } = options;
  const names = prefixedNames(prefix);
  await kafka.admin.createTopics(topicSpecs({ prefix, partitions, topics: [topics.segmentsRules, topics.progress] }));
  const { rows, claims } = await readRules(options);
  const claimed = Math.floor(Math.min(...claims));
  const hash = hashOf(workspace.segments);
  const newest = rows.at(-1);
  if (newest?.hash === hash) return rulesOf(rows, claimed, segmentsBy(workspace, hash, log));

  const number = (newest?.number ?? 0) + 1;
  const base = readyBy(rows, claimed) ?? ((await hasRun(options)) ? beginning : undefined);
  const row: RulesRow = {
    number,
    base: base?.number ?? null,
    turned: turnedBy(rows, claimed),
    born: bornWith(workspace.segments, number, base),
    completeFrom: await retainedFrom(options),
    hash,
    at: options.now,
    timezone: workspace.timezone,
    segments: workspace.segments.map(({ key, version, definition = {} }) => ({ key, version, definition })),
  };
  const producer = kafka.producer();
  try {
    const record = { key: Buffer.from(`${number}/${hash}`), value: serdes.of(topics.segmentsRules).encode(row) };
    await producer.send({ topic: names.topic(topics.segmentsRules.name), partition: 0, records: [record] });
  } finally {
    await producer.close();
  }
  const told = (await readRules(options)).rows;
  // Another process was quicker, with other segments: these come after those.
  if (told.find((each) => each.number === number)?.hash !== hash) return await agreeOnRules(options);
  if (base !== undefined) log('info', 'segments are others than before: new rules are prepared beside the old ones', { number });
  return rulesOf(told, claimed, segmentsBy(workspace, hash, log));
}

/** Equal for rules that mean the same. */
export function hashOf(segments: readonly CompiledSegment[]): string {
  const all = segments.map(({ key, version, topic, leaves }) => [key, version, topic, leaves.map(({ hash, as }) => [hash, as])]);
  return hashId(canonical(all.map((each) => canonical(each)).sort()));
}

/** Compiles the segments of a generation again. What this program does not read as it was meant decides nothing until it is replaced. */
function segmentsBy(
  { segments: current, rates }: Pick<Workspace, 'segments' | 'rates'>,
  hash: string,
  log: Log,
): (row: RulesRow | GenerationRecord) => readonly CompiledSegment[] {
  return (row) => {
    if (!('segments' in row) || row.hash === hash) return current;
    const rules = new Map(row.segments.map(({ definition }) => [definition['segment'], definition['when']]));
    const ruleOf = (name: string) => rules.get(name) as Readonly<Record<string, unknown>> | undefined;
    const compile = segmentCompiler(row.timezone, ruleOf, undefined, rates);
    return row.segments.flatMap(({ key, version, definition }) => {
      try {
        const segment = compile(definition);
        if (segment.version === version) return [segment];
      } catch {
        // Told below.
      }
      log('warn', 'a former rule is not read as it was meant; its members stay until the new one decides', { segment: key });
      return [];
    });
  };
}

/** The customers' tasks have decided something before. */
async function hasRun({ kafka, prefix, partitions }: RulesOptions): Promise<boolean> {
  const changelog = prefixedNames(prefix).changelog(CUSTOMERS);
  if (!(await kafka.admin.topics()).includes(changelog)) return false;
  const ends = await kafka.admin.endOffsets(
    Array.from({ length: partitions }, (_, partition) => ({ topic: changelog, partition })),
  );
  return [...ends.values()].some((end) => end > 0);
}

/** Since when everything that came is still there, epoch milliseconds; null: nothing has been deleted. */
export async function retainedFrom({ kafka, prefix, partitions }: RulesOptions): Promise<number | null> {
  const topic = prefixedNames(prefix).topic(topics.eventsIdentified.name);
  if (!(await kafka.admin.topics()).includes(topic)) return null;
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
  const starts = await kafka.admin.startOffsets(all);
  const ends = await kafka.admin.endOffsets(all);
  let from: number | null = null;
  const reader = kafka.reader();
  try {
    for (const at of all) {
      const id = tpKey(at.topic, at.partition);
      const [start, end] = [starts.get(id) ?? 0, ends.get(id) ?? 0];
      if (start === 0 || start >= end) continue;
      const first = await firstTime(reader.open(at, start), end);
      if (first !== undefined) from = Math.max(from ?? first, first);
    }
  } finally {
    await reader.close();
  }
  return from;
}

/** The timestamp of the first record of a stream before `end`. */
async function firstTime(stream: ReturnType<ReturnType<Kafka['reader']>['open']>, end: number): Promise<number | undefined> {
  while (stream.position < end) {
    if (stream.error) throw stream.error;
    const [first] = stream.take(1);
    if (first) return first.timestamp;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return undefined;
}
