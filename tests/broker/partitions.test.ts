import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectKafka } from '../../runtime/kafka/connect.ts';
import { topics } from '../../schemas/topics.ts';
import { Deployment, type RunningFreshet } from '../support/deployment.ts';
import { eventually } from '../support/eventually.ts';
import { PlainKafka } from '../support/plain-kafka.ts';

const workspace = {
  'freshet.yaml': 'name: arena\nsecret: a secret of players\n',
  'sources/scoreboard.yaml': 'source: scoreboard\ndescription: Points\nowner: arena\ntopic: {}\n',
};
let deployment: Deployment;
let freshet: RunningFreshet;
const plain = new PlainKafka();
beforeAll(async () => {
  deployment = await Deployment.create(workspace);
  freshet = await deployment.run(['tag-freshness', 'stitch-identity']);
});
afterAll(async () => {
  await deployment.close();
  await plain.deleteTopics(deployment.prefix);
});

const said = (message: string): Record<string, unknown>[] =>
  freshet.said.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line['message'] === message);

describe('topics on a real broker', () => {
  it('are known with the copies that are kept of them', async () => {
    const kafka = await connectKafka({ brokers: (process.env['KAFKA_BROKERS'] ?? '').split(','), clientId: 'test' });
    const topic = `${deployment.prefix}${topics.eventsRaw.name}`;
    const kept = await kafka.admin.durability?.([topic, `${deployment.prefix}missing`]);
    await kafka.close();
    expect(kept).toEqual({ brokers: 1, topics: [{ topic, replicas: 1, minInSync: 1 }] });
    expect(said('topics could be safer')).toEqual([]);
  });

  it('that grow while they are read stop the processor that reads them, and no other; it says what to do', async () => {
    const topic = `${deployment.prefix}raw.scoreboard`;
    await plain.growTopic(topic, 6);
    const reason = `topic ${topic} has 6 partitions now, 4 are expected: see "A changed number of partitions" in docs/operations.md`;
    await eventually(
      async () => said('processor has stopped'),
      (lines) => expect(lines).toEqual([expect.objectContaining({ processor: 'tag-freshness', reason })]),
    );
    const answer = await fetch(`http://127.0.0.1:${String(said('health')[0]?.['port'])}/health/ready`);
    expect([answer.status, await answer.json()]).toEqual([
      503,
      { status: 'not ready', problems: [{ what: 'tag-freshness', why: reason }] },
    ]);
  });

  it('of another number are refused at the start', async () => {
    const ended = await deployment.command(['run', 'stitch-identity']);
    expect([ended.code, ended.stderr]).toEqual([
      1,
      expect.stringMatching(/raw\.scoreboard has 6 partitions, 4 are wanted: .*docs\/operations\.md/),
    ]);
  });
});
