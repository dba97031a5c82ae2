import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { prefixedNames } from '../../../runtime/environment.ts';
import type { Kafka } from '../../../runtime/kafka/contract.ts';
import { header, type Rejected } from '../../../runtime/record.ts';
import { MemoryBroker, type MemoryRecord } from '../../../runtime/testing/memory-kafka.ts';
import { MemoryRegistry } from '../../../schemas/registry/memory.ts';
import { createSerdes } from '../../../schemas/serdes.ts';
import { compileSource } from '../../../schemas/source-schema.ts';
import { topicSpecs } from '../../../schemas/topic-specs.ts';
import { rawTopic, topics } from '../../../schemas/topics.ts';
import { takeIn } from './intake.ts';
import { filesTopic } from './intake-state.ts';

const partitions = 2;
const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});
const rule = { event: 'Stock Counted', identifiers: { product: 'record.sku' } };

/** A folder into which files are put, and what comes of them. */
export interface FilesWorld {
  readonly folder: string;
  /** Files by outcome, and log lines as text. */
  readonly outcomes: string[];
  readonly logged: string[];
  /** Modified at so many seconds of its epoch. */
  put(name: string, text: string | Buffer, seconds?: number): Promise<void>;
  /** Looks so many times, 2 s apart; `between` happens before each further look. */
  look(times: number, between?: (look: number) => Promise<void>): Promise<void>;
  /** Names of the files, of the folder or of one in it. */
  names(of?: 'done' | 'failed'): Promise<readonly string[]>;
  /** The raw records but for ends of batches, as they were read. */
  rows(): readonly unknown[];
  ids(): readonly string[];
  /** As-of of each end of a batch, epoch milliseconds. */
  ends(): readonly number[];
  records(): readonly MemoryRecord[];
  rejected(): readonly Rejected[];
}

export interface WorldOptions {
  readonly pageRows?: number;
  /** What stands in for a crash: before or after the transaction of this number has been committed. */
  readonly crash?: (transaction: number) => 'before' | 'after' | undefined;
  readonly transform?: readonly object[];
}

/** As-of that a modification time of no seconds stands for. */
export const epoch = Date.UTC(2026, 10, 23);

export async function filesWorld(files: object, options: WorldOptions = {}): Promise<FilesWorld> {
  const { transform = [rule], pageRows } = options;
  const folder = await mkdtemp(join(tmpdir(), 'freshet-files-'));
  folders.push(folder, `${folder}-away`);
  const yaml = { source: 'counts', description: 'd', owner: 'o', files: { folder, as_of: 'file.modified', ...files }, transform };
  const source = compileSource(yaml, {});
  if (source.input.kind !== 'files') throw new Error('it has no folder');
  const { files: config } = source.input;
  const broker = new MemoryBroker();
  const kafka = crashing(broker.client(), options.crash);
  const used = [filesTopic, rawTopic('counts'), topics.eventsRejected];
  await kafka.admin.createTopics(topicSpecs({ prefix: '', partitions, topics: used }));
  const serdes = createSerdes({ registry: new MemoryRegistry(), topics: [topics.eventsRejected] });
  await serdes.register([topics.eventsRejected]);
  const [outcomes, logged]: [string[], string[]] = [[], []];
  let now = 0;
  const raw = (): readonly MemoryRecord[] => broker.records('raw.counts');
  const isEnd = ({ headers }: MemoryRecord): boolean => header(headers, 'ends-batch') !== undefined;
  return {
    folder,
    outcomes,
    logged,
    put: async (name, text, seconds = 0) => {
      await writeFile(join(folder, name), text);
      await utimes(join(folder, name), epoch / 1000 + seconds, epoch / 1000 + seconds);
    },
    look: async (times, between) => {
      const ending = new AbortController();
      let looks = 0;
      await takeIn({
        source,
        files: config,
        folder,
        kafka,
        serdes,
        names: prefixedNames(''),
        partitions,
        tick: () => epoch,
        metrics: {
          file: (_, outcome) => void outcomes.push(outcome),
          rows: () => undefined,
          waiting: () => undefined,
          read: () => undefined,
        },
        log: (level, message, fields) => void logged.push(JSON.stringify([level, message, fields])),
        signal: ending.signal,
        wait: async (ms) => {
          now += ms;
          looks += 1;
          if (looks >= times) ending.abort();
          else await between?.(looks);
        },
        monotonic: () => now,
        random: () => 1,
        ...(pageRows === undefined ? {} : { pageRows }),
      });
    },
    names: async (of) => {
      const found = await readdir(of === undefined ? folder : join(folder, of)).catch(() => []);
      return found.filter((name) => name !== 'done' && name !== 'failed').sort();
    },
    rows: () => raw().flatMap((each) => (isEnd(each) ? [] : [JSON.parse(each.value?.toString() ?? '') as unknown])),
    ids: () => raw().map(({ headers }) => header(headers, 'message-id') ?? ''),
    ends: () => raw().flatMap((each) => (isEnd(each) ? [Number(header(each.headers, 'as-of'))] : [])),
    records: raw,
    rejected: () =>
      broker.records('events.rejected').map(({ value }) => serdes.of(topics.eventsRejected).decode(value ?? Buffer.alloc(0))),
  };
}

function crashing(kafka: Kafka, crash: WorldOptions['crash']): Kafka {
  const open = kafka.transactionalProducer.bind(kafka);
  let transactions = 0;
  kafka.transactionalProducer = (id) => {
    const producer = open(id);
    const transact = producer.transact.bind(producer);
    producer.transact = async (batches) => {
      const at = crash?.(transactions++);
      if (at === 'before') throw new Error('killed');
      const results = await transact(batches);
      if (at === 'after') throw new Error('killed');
      return results;
    };
    return producer;
  };
  return kafka;
}
