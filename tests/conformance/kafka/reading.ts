import { expect, it } from '@jest/globals';
import { Watched, compacted, record, records, values } from './harness.ts';
import type { Bench } from './harness.ts';
import { FreshetError } from '../../../runtime/errors.ts';

export function readerCases(bench: () => Bench): void {
  it('hands out each record once, in order, in pieces as small as one likes', async () => {
    const at = { topic: await bench().topic(), partition: 1 };
    const reader = bench().kafka.reader();
    const watched = new Watched(reader, at);
    expect(watched.stream.take(10)).toEqual([]);
    await bench()
      .kafka.producer()
      .send({ ...at, records: records(10) });
    await watched.until(() => watched.stream.queued === 10);
    expect(watched.stream.position).toBe(0);
    expect(values(watched.stream.take(3))).toEqual(['r0', 'r1', 'r2']);
    expect(watched.stream.position).toBe(3);
    expect(watched.stream.queued).toBe(7);
    expect(values(watched.stream.take(100))).toEqual(['r3', 'r4', 'r5', 'r6', 'r7', 'r8', 'r9']);
    expect(watched.stream.take(100)).toEqual([]);
    expect(watched.stream.position).toBe(10);
    await reader.close();
  });

  it('begins where it is told, also in the middle of a batch', async () => {
    const at = { topic: await bench().topic(), partition: 2 };
    await bench()
      .kafka.producer()
      .send({ ...at, records: records(10) });
    const found = await bench().read(at, 6);
    expect(values(found)).toEqual(['r6', 'r7', 'r8', 'r9']);
    expect(found.map(({ offset }) => offset)).toEqual([6, 7, 8, 9]);
  });

  it('notifies of records, and of a position that moved without any', async () => {
    const at = { topic: await bench().topic(), partition: 0 };
    const reader = bench().kafka.reader();
    const watched = new Watched(reader, at);
    await bench()
      .kafka.producer()
      .send({ ...at, records: records(1) });
    await watched.until(() => watched.stream.queued === 1);
    watched.stream.take(1);
    const notified = watched.notified;
    const open = await bench().begin([at]);
    await open.write([{ ...at, records: records(2) }]);
    await open.abort();
    const end = await bench().end(at);
    await watched.until(() => watched.stream.position >= end);
    expect(watched.stream.queued).toBe(0);
    expect(watched.notified).toBeGreaterThan(notified);
    await reader.close();
  });

  it('reaches an end asked for earlier, behind commit markers and aborted records', async () => {
    const at = { topic: await bench().topic(), partition: 3 };
    const txn = bench().kafka.transactionalProducer(bench().name('txn'));
    await txn.init();
    await txn.transact([{ ...at, records: records(2, 'committed') }]);
    const open = await bench().begin([at]);
    await open.write([{ ...at, records: records(2, 'aborted') }]);
    await open.abort();
    const end = await bench().end(at);
    const reader = bench().kafka.reader();
    const watched = new Watched(reader, at);
    expect(values(await watched.upTo(end))).toEqual(['committed0', 'committed1']);
    expect(watched.stream.position).toBeGreaterThanOrEqual(end);
    await reader.close();
  });

  it('is held back by an open transaction, and let go by its end', async () => {
    const at = { topic: await bench().topic(), partition: 1 };
    const producer = bench().kafka.producer();
    const reader = bench().kafka.reader();
    const [committed, uncommitted] = [new Watched(reader, at), new Watched(reader, at, 0, { isolation: 'read_uncommitted' })];
    await producer.send({ ...at, records: [record('before')] });
    const open = await bench().begin([at]);
    await open.write([{ ...at, records: [record('open')] }]);
    await producer.send({ ...at, records: [record('behind')] });
    const end = await bench().end(at);
    expect(values(await uncommitted.upTo(end))).toEqual(['before', 'open', 'behind']);
    expect(values(await committed.take(1))).toEqual(['before']);
    expect(committed.stream.queued).toBe(0);
    expect(committed.stream.position).toBe(1);
    await open.commit();
    expect(values(await committed.upTo(end))).toEqual(['open', 'behind']);
    await reader.close();
  });

  it('passes what compaction has taken away', async () => {
    const at = { topic: await bench().topic(2, compacted), partition: 1 };
    const producer = bench().kafka.producer();
    for (let round = 0; round < 3; round++) {
      await producer.send({ ...at, records: ['a', 'b', 'c'].map((key) => record(`${key}${round}`, key)) });
    }
    await bench().harness.compact(at.topic);
    const found = await bench().read(at);
    const latest = new Map(found.map(({ key, value }) => [String(key), String(value)]));
    expect(found.length).toBeLessThan(9);
    expect(latest.get('a')).toBe('a2');
    expect(found.filter(({ offset }) => offset < 6)).toEqual([]);
    expect(values(await bench().read(at, 4)).slice(0, 3)).toEqual(['a2', 'b2', 'c2']);
  });

  it('stops with an error at an offset that is no more, or not yet', async () => {
    const at = { topic: await bench().topic(), partition: 2 };
    await bench()
      .kafka.producer()
      .send({ ...at, records: records(10) });
    await bench().harness.truncate(at, 4);
    const reader = bench().kafka.reader();
    for (const offset of [0, 3, 11, 1_000]) {
      const watched = new Watched(reader, at, offset);
      await watched.until(() => watched.stream.error !== undefined);
      expect(watched.stream.error).toBeInstanceOf(FreshetError);
      expect(watched.stream.error).toHaveProperty('code', 'OFFSET_OUT_OF_RANGE');
      expect(watched.stream.error?.message).toMatch(/4.*10/);
      expect(watched.stream.take(10)).toEqual([]);
    }
    expect(values(await bench().read(at, 4))).toHaveLength(6);
    await reader.close();
  });

  it('waits at the end without an error', async () => {
    const at = { topic: await bench().topic(), partition: 0 };
    const producer = bench().kafka.producer();
    await producer.send({ ...at, records: records(2) });
    const reader = bench().kafka.reader();
    const watched = new Watched(reader, at, 2);
    await producer.send({ ...at, records: [record('next')] });
    expect(values(await watched.take(1))).toEqual(['next']);
    await reader.close();
  });

  it('does not queue without bounds', async () => {
    const at = { topic: await bench().topic(), partition: 1 };
    const body = Buffer.alloc(10_000);
    const producer = bench().kafka.producer();
    await producer.send({ ...at, records: Array.from({ length: 1_000 }, () => ({ key: null, value: body })) });
    const end = await bench().end(at);
    const reader = bench().kafka.reader();
    const watched = new Watched(reader, at, 0, { maxQueuedBytes: 100_000 });
    let taken = 0;
    let most = 0;
    while (watched.stream.position < end) {
      most = Math.max(most, watched.stream.queued);
      taken += watched.stream.take(1).length;
      await watched.until(() => watched.stream.queued > 0 || watched.stream.position >= end);
    }
    expect(taken).toBe(1_000);
    expect(most).toBeLessThan(900);
    await reader.close();
  });

  it('reads many partitions side by side', async () => {
    const topic = await bench().topic(8);
    const partitions = Array.from({ length: 8 }, (_, partition) => ({ topic, partition }));
    const reader = bench().kafka.reader();
    const watched = partitions.map((at) => new Watched(reader, at));
    const producer = bench().kafka.producer();
    await Promise.all(partitions.map((at) => producer.send({ ...at, records: records(50 + at.partition) })));
    const taken = await Promise.all(watched.map((stream, partition) => stream.take(50 + partition)));
    for (const found of taken) expect(found.map(({ offset }) => offset)).toEqual(found.map((_, index) => index));
    await reader.close();
  });

  it('hands out everything to each stream of a partition, however far apart they are', async () => {
    const at = { topic: await bench().topic(), partition: 2 };
    const producer = bench().kafka.producer();
    for (let i = 0; i < 20; i++) await producer.send({ ...at, records: records(10) });
    const reader = bench().kafka.reader();
    const streams = [0, 151, 30, 199, 30].map((from) => ({ from, watched: new Watched(reader, at, from) }));
    for (const { from, watched } of streams) {
      const found = await watched.take(200 - from);
      expect(found.map(({ offset }) => offset)).toEqual(Array.from({ length: 200 - from }, (_, index) => from + index));
    }
    await reader.close();
  });

  it('serves a partition opened late while others wait for data', async () => {
    const topic = await bench().topic();
    const reader = bench().kafka.reader();
    const idle = [0, 1, 2].map((partition) => new Watched(reader, { topic, partition }));
    await bench()
      .kafka.producer()
      .send({ topic, partition: 3, records: records(3) });
    const late = new Watched(reader, { topic, partition: 3 });
    expect(await late.take(3)).toHaveLength(3);
    expect(idle.map(({ stream }) => stream.position)).toEqual([0, 0, 0]);
    await reader.close();
  });

  it('waits for a topic that is still to be created', async () => {
    const topic = bench().name('late');
    const reader = bench().kafka.reader();
    const watched = new Watched(reader, { topic, partition: 1 });
    await bench().kafka.admin.createTopics([{ name: topic, partitions: 2, config: {} }]);
    await bench()
      .kafka.producer()
      .send({ topic, partition: 1, records: [record('there')] });
    expect(values(await watched.take(1))).toEqual(['there']);
    await reader.close();
    await bench().kafka.admin.deleteTopics([topic]);
  });

  it('says nothing more once a stream is closed', async () => {
    const at = { topic: await bench().topic(), partition: 0 };
    const reader = bench().kafka.reader();
    const [closed, open] = [new Watched(reader, at), new Watched(reader, at)];
    closed.stream.close();
    await bench()
      .kafka.producer()
      .send({ ...at, records: records(2) });
    expect(await open.take(2)).toHaveLength(2);
    expect(closed.notified).toBe(0);
    expect(closed.stream.queued).toBe(0);
    await reader.close();
  });
}
