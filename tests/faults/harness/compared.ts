import { connectKafka } from '../../../runtime/kafka/connect.ts';
import { readInside } from './inside-reader.ts';
import { readTogether } from './outside-reader.ts';
import { violated } from './violations.ts';

/** What one client read and the other did not, over all topics of some deployments. */
export interface Compared {
  readonly records: number;
  readonly onlyOurs: number;
  readonly onlyTheirs: number;
}

/** Reads everything committed in and out of these deployments with our client and with Kafka's own, and compares record by record. */
export async function compareReaders(brokers: readonly string[], prefixes: readonly string[]): Promise<Compared> {
  const kafka = await connectKafka({ brokers, clientId: 'compared' });
  const plain = (topic: string): boolean => !/changelog$|progress$/.test(topic);
  const all = await kafka.admin.topics();
  const topics = all.filter((topic) => plain(topic) && prefixes.some((prefix) => topic.startsWith(prefix)));
  const texts = (rows: readonly { partition: number; offset: number; key: string; text: string }[]): string[] =>
    rows.map(({ partition, offset, key, text }) => `${partition} ${offset} ${key} ${text}`);
  const ours = texts(await readInside(kafka, topics));
  await kafka.close();
  const theirs = texts(await readTogether(brokers, topics));
  const left = new Map<string, number>();
  for (const text of ours) left.set(text, (left.get(text) ?? 0) + 1);
  for (const text of theirs) left.set(text, (left.get(text) ?? 0) - 1);
  const sum = (sign: 1 | -1): number => [...left.values()].reduce((count, one) => count + Math.max(0, sign * one), 0);
  const [onlyOurs, onlyTheirs] = [sum(1), sum(-1)];
  if (onlyOurs + onlyTheirs > 0) violated(`${prefixes.join(', ')}: only ours ${onlyOurs}, only Kafka's ${onlyTheirs}`);
  return { records: theirs.length, onlyOurs, onlyTheirs };
}
