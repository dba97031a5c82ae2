import { expect, it } from '@jest/globals';
import { tpKey } from '../../../runtime/record.ts';
import { failure, record, records } from './harness.ts';
import type { Bench } from './harness.ts';

export function topicCases(bench: () => Bench): void {
  it('are created when missing, and left alone when there', async () => {
    const { admin } = bench().kafka;
    const spec = { name: bench().name('made'), partitions: 6, config: {} };
    expect(await admin.partitions(spec.name)).toBeUndefined();
    await admin.createTopics([spec]);
    await admin.createTopics([spec]);
    expect(await admin.partitions(spec.name)).toBe(6);
    expect(await admin.topics()).toContain(spec.name);
    await admin.deleteTopics([spec.name]);
  });

  it('with another number of partitions are refused, with advice', async () => {
    const name = await bench().topic(4);
    const error = await failure(bench().kafka.admin.createTopics([{ name, partitions: 5, config: {} }]), 'TOPIC_MISMATCH');
    expect(error.message).toMatch(/4.*5.*: .+/);
  });

  it('can be used at once by another client', async () => {
    const name = await bench().topic();
    const producer = (await bench().client()).producer();
    const result = await producer.send({ topic: name, partition: 3, records: [record('first')] });
    expect(result.baseOffset).toBe(0);
  });

  it('are gone after their deletion, and deleting what is not there is no error', async () => {
    const { admin } = bench().kafka;
    const name = await bench().topic();
    await admin.deleteTopics([name, bench().name('never')]);
    expect(await admin.topics()).not.toContain(name);
  });

  it('have ends that cover all that was acknowledged, open transactions included', async () => {
    const at = { topic: await bench().topic(), partition: 1 };
    await bench()
      .kafka.producer()
      .send({ ...at, records: records(5) });
    expect(await bench().end(at)).toBe(5);
    const open = await bench().begin([at]);
    await open.write([{ ...at, records: records(2) }]);
    expect(await bench().end(at)).toBe(7);
    await open.abort();
    const end = await bench().end(at);
    expect(end).toBeGreaterThanOrEqual(7);
  });

  it('have starts that move with what is dropped, by partition', async () => {
    const { admin } = bench().kafka;
    const at = { topic: await bench().topic(), partition: 2 };
    const other = { ...at, partition: 0 };
    await bench()
      .kafka.producer()
      .send({ ...at, records: records(5) });
    await bench().harness.truncate(at, 3);
    const starts = await admin.startOffsets([at, other]);
    expect(Object.fromEntries(starts)).toEqual({ [`${at.topic}-0`]: 0, [`${at.topic}-2`]: 3 });
  });

  it('belong to a cluster with one id', async () => {
    const other = await bench().client();
    const id = await bench().kafka.admin.clusterId();
    expect(id).not.toBe('');
    expect(await other.admin.clusterId()).toBe(id);
  });

  it('tell the ends of a partition that is named twice, as several who ask at once may do', async () => {
    const topic = await bench().topic(1);
    const at = { topic, partition: 0 };
    await bench()
      .kafka.producer()
      .send({ ...at, records: records(3) });
    expect(await bench().kafka.admin.endOffsets([at, at])).toEqual(new Map([[tpKey(topic, 0), 3]]));
    expect(await bench().kafka.admin.startOffsets([at, at])).toEqual(new Map([[tpKey(topic, 0), 0]]));
  });

  it('take committed offsets of a group with and without members', async () => {
    const { kafka } = bench();
    const at = { topic: await bench().topic(), partition: 0 };
    const group = bench().name('group');
    await kafka.admin.commitOffsets(group, [{ ...at, offset: 0 }]);
    const assigned = Promise.withResolvers<readonly number[]>();
    const member = kafka.member({ group, topic: at.topic, tasks: 4, owned: () => [], onAssignment: assigned.resolve });
    await member.start();
    await assigned.promise;
    await kafka.admin.commitOffsets(group, [{ ...at, offset: 1 }]);
    await member.stop();
  });
}
