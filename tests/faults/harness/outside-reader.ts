import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { localTools } from '../../../infra/local/tools.ts';
import type { Value } from '../hosts/topology.ts';
import type { TextRow } from './inside-reader.ts';
import type { Row } from './oracle.ts';

/** Kafka's own console consumer ends when nothing has come for so long, milliseconds. */
const QUIET_MS = 6_000;

/** Everything committed in the topics, as the client of Kafka itself reads it. */
export async function readCommitted(brokers: readonly string[], topics: readonly string[]): Promise<Row[]> {
  return (await Promise.all(topics.map((topic) => readTopic(brokers, topic)))).flat();
}

async function readTopic(brokers: readonly string[], topic: string): Promise<Row[]> {
  const rows = await readMatching(brokers, ['--topic', topic]);
  return rows.map(({ text, ...row }) => ({ ...row, topic, value: JSON.parse(text) as Value }));
}

/** Everything committed in all these topics, in one go; Kafka's own client does not tell of which topic a record is. */
export async function readTogether(brokers: readonly string[], topics: readonly string[]): Promise<Omit<TextRow, 'topic'>[]> {
  return await readMatching(brokers, ['--include', topics.map((topic) => topic.replaceAll('.', '[.]')).join('|')]);
}

async function readMatching(brokers: readonly string[], which: readonly string[]): Promise<Omit<TextRow, 'topic'>[]> {
  const { java, kafkaClassPath } = await localTools(() => undefined);
  const properties = ['print.partition', 'print.offset', 'print.key'].flatMap((name) => ['--property', `${name}=true`]);
  const jvm = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', kafkaClassPath];
  const what = ['--bootstrap-server', brokers.join(','), ...which, '--from-beginning', '--timeout-ms', String(QUIET_MS)];
  const how = ['--isolation-level', 'read_committed', ...properties];
  const args = [...jvm, 'org.apache.kafka.tools.consumer.ConsoleConsumer', ...what, ...how];
  const child = spawn(java, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const rows: Omit<TextRow, 'topic'>[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [partition = '', offset = '', key = '', text = ''] = line.split('\t');
    if (!partition.startsWith('Partition:')) return;
    rows.push({
      partition: Number(partition.slice('Partition:'.length)),
      offset: Number(offset.slice('Offset:'.length)),
      key,
      text,
    });
  });
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (code !== 0) throw new Error(`the console consumer ended with ${String(code)}`);
  return rows;
}
