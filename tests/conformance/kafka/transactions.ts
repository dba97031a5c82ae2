import { expect, it } from '@jest/globals';
import { failure, record, records, values } from './harness.ts';
import type { Bench } from './harness.ts';
import type { TransactionalProducer } from '../../../runtime/kafka/contract.ts';

export function transactionCases(bench: () => Bench): void {
  const producer = async (id = bench().name('txn')): Promise<TransactionalProducer> => {
    const made = bench().kafka.transactionalProducer(id);
    await made.init();
    return made;
  };
  const four = (topic: string): { topic: string; partition: number }[] => [0, 1, 2, 3].map((partition) => ({ topic, partition }));

  it('write to all of their partitions, and say where', async () => {
    const topic = await bench().topic();
    const txn = await producer();
    await txn.transact([{ topic, partition: 2, records: records(3, 'first') }]);
    const results = await txn.transact(four(topic).map((at) => ({ ...at, records: records(2, `p${at.partition}.`) })));
    expect(results.map(({ partition }) => partition)).toEqual([0, 1, 2, 3]);
    for (const at of four(topic)) {
      const found = await bench().read(at, results[at.partition]?.baseOffset);
      expect(values(found)).toEqual([`p${at.partition}.0`, `p${at.partition}.1`]);
      expect(found[0]?.offset).toBe(results[at.partition]?.baseOffset);
    }
  });

  it('that are aborted show nothing in any partition, and the position passes them', async () => {
    const topic = await bench().topic();
    const open = await bench().begin(four(topic));
    await open.write(four(topic).map((at) => ({ ...at, records: records(3) })));
    await open.abort();
    for (const at of four(topic)) expect(await bench().read(at)).toEqual([]);
  });

  it('hold the stable end while they are open, and not the end', async () => {
    const at = { topic: await bench().topic(), partition: 0 };
    const stable = async () => [...(await bench().kafka.admin.stableOffsets([at])).values()];
    await (await producer()).transact([{ ...at, records: records(2) }]);
    // Its marker may come after its answer.
    await bench().read(at);
    const [settled = -1] = await stable();
    expect(settled).toBeGreaterThanOrEqual(2);
    const open = await bench().begin([at]);
    await open.write([{ ...at, records: records(3) }]);
    expect(await stable()).toEqual([settled]);
    expect(await bench().end(at)).toBeGreaterThanOrEqual(settled + 3);
    await open.commit();
    await bench().read(at);
    expect((await stable())[0]).toBeGreaterThanOrEqual(settled + 3);
  });

  it('that overlap are told apart', async () => {
    const at = { topic: await bench().topic(), partition: 1 };
    const [a, b, c] = [await bench().begin([at]), await bench().begin([at]), await bench().begin([at])];
    await a.write([{ ...at, records: [record('a1')] }]);
    await b.write([{ ...at, records: [record('b1')] }]);
    await c.write([{ ...at, records: [record('c1')] }]);
    await b.abort();
    await a.write([{ ...at, records: [record('a2')] }]);
    await a.abort();
    await c.write([{ ...at, records: [record('c2')] }]);
    await c.commit();
    const found = await bench().read(at);
    expect(values(found)).toEqual(['c1', 'c2']);
    for (let from = 0; from <= (found[0]?.offset ?? 0); from++) {
      expect(values(await bench().read(at, from))).toEqual(['c1', 'c2']);
    }
  });

  it('stay hidden when reading begins inside of two aborted ones', async () => {
    const at = { topic: await bench().topic(), partition: 3 };
    const [first, second] = [await bench().begin([at]), await bench().begin([at])];
    await first.write([{ ...at, records: records(2, 'first') }]);
    await second.write([{ ...at, records: records(2, 'second') }]);
    await second.write([{ ...at, records: records(1, 'second') }]);
    await first.write([{ ...at, records: records(1, 'first') }]);
    await first.abort();
    await second.abort();
    await bench()
      .kafka.producer()
      .send({ ...at, records: [record('plain')] });
    for (const from of [1, 3, 4, 5]) expect(values(await bench().read(at, from))).toEqual(['plain']);
  });

  it('are not confused by a key that looks like a marker', async () => {
    const at = { topic: await bench().topic(), partition: 0 };
    const open = await bench().begin([at]);
    const marker = { key: Buffer.alloc(4), value: Buffer.from('looks like a marker') };
    await open.write([{ ...at, records: [marker, record('behind')] }]);
    await open.abort();
    await (await producer()).transact([{ ...at, records: [marker] }]);
    expect(values(await bench().read(at))).toEqual(['looks like a marker']);
  });

  it('are visible to read_uncommitted while open and after an abort, without their markers', async () => {
    const at = { topic: await bench().topic(), partition: 2 };
    const open = await bench().begin([at]);
    await open.write([{ ...at, records: records(2) }]);
    expect(values(await bench().read(at, 0, { isolation: 'read_uncommitted' }))).toEqual(['r0', 'r1']);
    await open.abort();
    await bench()
      .kafka.producer()
      .send({ ...at, records: [record('plain')] });
    expect(values(await bench().read(at, 0, { isolation: 'read_uncommitted' }))).toEqual(['r0', 'r1', 'plain']);
  });

  it('follow each other without being mixed up', async () => {
    const at = { topic: await bench().topic(), partition: 1 };
    const txn = await producer();
    for (let index = 0; index < 40; index++) await txn.transact([{ ...at, records: [record(`t${index}`)] }]);
    expect(values(await bench().read(at))).toEqual(Array.from({ length: 40 }, (_, index) => `t${index}`));
  });

  it('take more than fits into one batch', async () => {
    const topic = await bench().topic();
    const body = 'x'.repeat(700);
    const sent = Array.from({ length: 2_500 }, (_, index) => record(`${index}${body}`, null));
    const txn = await producer();
    await txn.transact(four(topic).map((at) => ({ ...at, records: sent })));
    for (const at of four(topic)) expect(await bench().read(at)).toHaveLength(2_500);
  });

  it('of an earlier owner are aborted and fenced by init', async () => {
    const at = { topic: await bench().topic(), partition: 1 };
    const id = bench().name('txn');
    const open = await bench().harness.begin(id, [at]);
    await open.write([{ ...at, records: records(3, 'lost') }]);
    const txn = await producer(id);
    await expect(open.commit()).rejects.toThrow();
    await txn.transact([{ ...at, records: [record('kept')] }]);
    expect(values(await bench().read(at))).toEqual(['kept']);
  });

  it('of a fenced producer fail with FENCED, now and later', async () => {
    const at = { topic: await bench().topic(), partition: 1 };
    const id = bench().name('txn');
    const first = await producer(id);
    await first.transact([{ ...at, records: [record('before')] }]);
    const second = await producer(id);
    await failure(first.transact([{ ...at, records: [record('fenced')] }]), 'FENCED');
    await failure(first.transact([{ ...at, records: [record('fenced')] }]), 'FENCED');
    await second.transact([{ ...at, records: [record('after')] }]);
    expect(values(await bench().read(at))).toEqual(['before', 'after']);
  });

  it('of owners that fight for one id are never doubled', async () => {
    const at = { topic: await bench().topic(), partition: 0 };
    const id = bench().name('txn');
    const written: string[] = [];
    const owner = async (name: string): Promise<void> => {
      for (let index = 0; index < 5; index++) {
        const txn = await producer(id);
        const value = `${name}${index}`;
        await txn.transact([{ ...at, records: [record(value)] }]).then(
          () => written.push(value),
          () => undefined,
        );
      }
    };
    await Promise.all(['a', 'b', 'c'].map(owner));
    await producer(id);
    const found = values(await bench().read(at));
    expect(new Set(found).size).toBe(found.length);
    expect(found).toEqual(expect.arrayContaining(written));
  });

  it('with a record that is too large write nothing, and end the producer', async () => {
    const topic = await bench().topic();
    const id = bench().name('txn');
    const txn = await producer(id);
    const huge = { key: null, value: Buffer.alloc(2 * 1024 * 1024) };
    const batches = [
      { topic, partition: 0, records: records(2) },
      { topic, partition: 1, records: [huge] },
    ];
    await failure(txn.transact(batches), 'RECORD_TOO_LARGE');
    await failure(txn.transact([{ topic, partition: 0, records: records(1) }]), 'TRANSACTION_FAILED');
    await failure(txn.init(), 'TRANSACTION_FAILED');
    await producer(id);
    expect(await bench().read({ topic, partition: 0 })).toEqual([]);
  });

  it('need an init, a batch for each partition at most, and records in it', async () => {
    const at = { topic: await bench().topic(), partition: 0 };
    const fresh = bench().kafka.transactionalProducer(bench().name('txn'));
    await failure(fresh.transact([{ ...at, records: records(1) }]), 'TRANSACTION_FAILED');
    const twice = { ...at, records: records(1) };
    await failure((await producer()).transact([twice, twice]), 'TRANSACTION_FAILED');
    await failure((await producer()).transact([{ ...at, records: [] }]), 'TRANSACTION_FAILED');
    expect(await (await producer()).transact([])).toEqual([]);
  });

  it('tell the append time of each partition', async () => {
    const at = { topic: await bench().topic(4, { 'message.timestamp.type': 'LogAppendTime' }), partition: 2 };
    const [result] = await (await producer()).transact([{ ...at, records: records(2) }]);
    const found = await bench().read(at);
    expect(found.map(({ timestamp }) => timestamp)).toEqual([result?.appendTime, result?.appendTime]);
  });

  it('end when the producer is closed', async () => {
    const at = { topic: await bench().topic(), partition: 0 };
    const txn = await producer();
    await txn.close();
    await failure(txn.transact([{ ...at, records: records(1) }]), 'CLOSED');
  });

  it('begin only when init was not called off', async () => {
    const called = bench().kafka.transactionalProducer(bench().name('txn')).init(AbortSignal.abort());
    await failure(called, 'CLOSED');
  });
}
