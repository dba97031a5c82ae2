import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { projectRoot } from '../../infra/local/settings.ts';
import { localTools } from '../../infra/local/tools.ts';
import type { MembershipChange, RejectedRecord, TaggedEvent } from '../../schemas/generated/types.ts';
import { Deployment, everything } from '../support/deployment.ts';
import { PlainKafka, type Listener } from '../support/plain-kafka.ts';

/**
 * Producers that know nothing of freshet write straight to the raw topic of their source: Kafka's own console producer in JSON,
 * a plain client in Avro. The till of a vineyard has its own words for things; its transform turns them into events.
 */
const workspace = {
  'freshet.yaml': 'name: vineyard\nsecret: a secret of wine\n',
  'sources/till.yaml': `
source: till
description: Receipts of the shop in the cellar
owner: cellar
topic: {}
liveness: drained
transform:
  - when: record.kind == "void"
    skip: voided
  - event: Bottles Sold
    message_id: record.receipt
    occurred_at: record.at
    identifiers: { user_id: record.member }
    properties: { bottles: record.bottles }
`,
  'segments/collectors.yaml': `
segment: collectors
when: { count: { of: Bottles Sold, where: properties.bottles >= 6, within: 30d, at_least: 2 } }
`,
};

/** All have one key, and so lie in one partition. */
const KEY = 'till-1';
const receipt = (id: string, member: string) => ({ kind: 'sale', receipt: id, member, bottles: 6 });

let deployment: Deployment;
let kafka: PlainKafka;
let heard: Listener;
const topic = (name: string): string => deployment.prefix + name;

beforeAll(async () => {
  deployment = await Deployment.create(workspace);
  kafka = new PlainKafka();
  await deployment.run(everything.filter((name) => name !== 'gateway' && name !== 'email'));
  heard = await kafka.listen(...['segments.membership', 'events.tagged', 'events.rejected'].map(topic));
});
afterAll(async () => {
  await kafka.close();
  await deployment.close();
  await kafka.deleteTopics(deployment.prefix);
});

/** Writes lines to a topic with the console producer of Kafka, all under the key. */
async function consoleProducer(to: string, lines: readonly string[]): Promise<void> {
  const { java, kafkaClassPath } = await localTools(() => undefined);
  const quick = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
  const logging = `-Dlog4j2.configurationFile=${join(projectRoot, 'infra', 'local', 'log4j2.properties')}`;
  const args = ['--bootstrap-server', process.env['KAFKA_BROKERS'] ?? '', '--topic', to, '--property', 'parse.key=true'];
  const tool = ['-cp', kafkaClassPath, 'org.apache.kafka.tools.ConsoleProducer', ...args];
  const child = spawn(java, [...quick, logging, ...tool], { stdio: ['pipe', 'ignore', 'pipe'] });
  child.stdin.end(lines.map((line) => `${KEY}\t${line}\n`).join(''));
  const [stderr] = await Promise.all([text(child.stderr), once(child, 'close')]);
  expect([child.exitCode, stderr]).toEqual([0, expect.not.stringContaining('Exception')]);
}

describe('a producer that is not ours', () => {
  it('may write JSON from the console and Avro of its own: both go the same walk', async () => {
    const at = Date.now();
    await consoleProducer(topic('raw.till'), [
      JSON.stringify({ ...receipt('r-1', 'vera'), at: new Date(at).toISOString() }),
      JSON.stringify({ ...receipt('r-2', 'vera'), kind: 'void', at: new Date(at).toISOString() }),
    ]);
    const { id } = await kafka.registry.register(
      {
        type: 'record',
        name: 'Receipt',
        namespace: 'vineyard',
        fields: [
          ...['kind', 'receipt', 'member'].map((name) => ({ name, type: 'string' })),
          { name: 'bottles', type: 'int' },
          { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
        ],
      },
      { subject: `${topic('raw.till')}-value` },
    );
    const producer = await kafka.producer();
    const value = await kafka.registry.encode(id, { ...receipt('r-3', 'vera'), at: at + 1 });
    await producer.send({ topic: topic('raw.till'), messages: [{ key: KEY, value }] });

    const [entered] = await heard.until<MembershipChange>(topic('segments.membership'), ({ length }) => length > 0);
    expect(entered).toMatchObject({
      segment: 'collectors',
      change: 'entered',
      sequence: 1,
      effectiveAt: at + 1,
      cause: { kind: 'event', messageId: 'r-3', event: 'Bottles Sold' },
      proof: { sources: [{ source: 'till' }], hops: [{ hop: 'tag-freshness' }, { hop: 'stitch-identity' }] },
    });
    const tagged = await heard.until<TaggedEvent>(topic('events.tagged'), ({ length }) => length >= 2);
    expect(tagged.map(({ messageId, source, mode, occurredAt }) => ({ messageId, source, mode, occurredAt }))).toEqual([
      { messageId: 'r-1', source: 'till', mode: 'live', occurredAt: at },
      { messageId: 'r-3', source: 'till', mode: 'live', occurredAt: at + 1 },
    ]);
  });

  it('may write what nobody can read: it is kept as it was, with the reason, and the partition goes on', async () => {
    const broken = '{"kind": "sale", "receipt": "r-4", ';
    const at = new Date().toISOString();
    const nameless = JSON.stringify({ ...receipt('r-5', 'vera'), member: undefined, at });
    const good = ['r-6', 'r-7'].map((id) => JSON.stringify({ ...receipt(id, 'walt'), at }));
    await consoleProducer(topic('raw.till'), [broken, nameless, ...good]);
    const unknownSchema = Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3]);
    const producer = await kafka.producer();
    await producer.send({ topic: topic('raw.till'), messages: [{ key: KEY, value: unknownSchema }] });

    const changes = await heard.until<MembershipChange>(topic('segments.membership'), ({ length }) => length > 1);
    expect(changes.map(({ cause }) => cause.messageId)).toEqual(['r-3', 'r-7']);
    const rejected = await heard.until<RejectedRecord>(topic('events.rejected'), ({ length }) => length >= 3);
    expect(rejected.map(({ processor, step, topic, source }) => ({ processor, step, topic, source }))).toEqual([
      { processor: 'tag-freshness', step: 'decode', topic: 'raw.till', source: 'till' },
      { processor: 'tag-freshness', step: 'transform', topic: 'raw.till', source: 'till' },
      { processor: 'tag-freshness', step: 'decode', topic: 'raw.till', source: 'till' },
    ]);
    expect(rejected.map(({ value }) => value)).toEqual([Buffer.from(broken), Buffer.from(nameless), unknownSchema]);
    expect(rejected.map(({ key }) => key?.toString())).toEqual([KEY, KEY, KEY]);
    expect(rejected.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('JSON'),
      expect.stringContaining('member'),
      'the registry has no schema 2147483647',
    ]);
    // Three records of the first test lie before them in the partition, two good ones between them.
    expect(rejected.map(({ offset }) => offset)).toEqual([3, 4, 7]);
    expect(new Set(rejected.map(({ partition }) => partition)).size).toBe(1);
  });
});
