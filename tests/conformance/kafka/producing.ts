import { expect, it } from '@jest/globals';
import { failure, record, records, values } from './harness.ts';
import type { Bench } from './harness.ts';

export function producerCases(bench: () => Bench): void {
  it('writes in call order, each send in one piece', async () => {
    const at = { topic: await bench().topic(), partition: 2 };
    const producer = bench().kafka.producer();
    const sends = Array.from({ length: 200 }, (_, index) => producer.send({ ...at, records: records(3, `${index}.`) }));
    const results = await Promise.all(sends);
    expect(results.map(({ baseOffset }) => baseOffset)).toEqual(results.map((_, index) => index * 3));
    const expected = results.flatMap((_, index) => values3(index));
    expect(values(await bench().read(at))).toEqual(expected);
  });

  it('keeps keys, values, headers and timestamps as they were', async () => {
    const at = { topic: await bench().topic(), partition: 0 };
    const headers = { name: Buffer.from('Ärger'), ключ: Buffer.alloc(0), raw: Buffer.from([0, 255, 10]) };
    const sent = [
      { key: null, value: Buffer.from('no key'), timestamp: 1_600_000_000_000 },
      { key: Buffer.from('tombstone'), value: null, timestamp: 1_500_000_000_123 },
      { key: Buffer.alloc(0), value: Buffer.alloc(0), headers, timestamp: 1_700_000_000_000 },
    ];
    const result = await bench()
      .kafka.producer()
      .send({ ...at, records: sent });
    expect(result).toEqual({ ...at, baseOffset: 0, appendTime: undefined });
    const found = await bench().read(at);
    expect(found.map(({ key, value }) => ({ key, value }))).toEqual(sent.map(({ key, value }) => ({ key, value })));
    expect(found.map(({ timestamp }) => timestamp)).toEqual(sent.map(({ timestamp }) => timestamp));
    expect(found.map(({ headers }) => ({ ...headers }))).toEqual([{}, {}, headers]);
  });

  it("tells the broker's append time, which is then the records' timestamp", async () => {
    const at = { topic: await bench().topic(4, { 'message.timestamp.type': 'LogAppendTime' }), partition: 1 };
    const { appendTime } = await bench()
      .kafka.producer()
      .send({ ...at, records: [{ ...record('old'), timestamp: 1_000 }, record('new')] });
    expect(appendTime).toBeGreaterThan(1_600_000_000_000);
    const found = await bench().read(at);
    expect(found.map(({ timestamp }) => timestamp)).toEqual([appendTime, appendTime]);
  });

  it('takes more than fits into one batch', async () => {
    const at = { topic: await bench().topic(), partition: 3 };
    const body = 'x'.repeat(600);
    const sent = Array.from({ length: 6_000 }, (_, index) => record(`${index}${body}`, null));
    const { baseOffset } = await bench()
      .kafka.producer()
      .send({ ...at, records: sent });
    expect(baseOffset).toBe(0);
    expect(values(await bench().read(at))).toEqual(sent.map(({ value }) => String(value)));
  });

  it('refuses a record that the broker will not take, and writes its neighbours', async () => {
    const at = { topic: await bench().topic(), partition: 0 };
    const producer = bench().kafka.producer();
    const huge = { key: null, value: Buffer.alloc(2 * 1024 * 1024) };
    const before = producer.send({ ...at, records: records(2, 'before') });
    const refused = failure(producer.send({ ...at, records: [huge] }), 'RECORD_TOO_LARGE');
    const after = producer.send({ ...at, records: records(2, 'after') });
    expect((await refused).retryable).toBe(false);
    await Promise.all([before, after]);
    expect(values(await bench().read(at))).toEqual(['before0', 'before1', 'after0', 'after1']);
  });

  it('refuses a topic and a partition that are not there', async () => {
    const producer = bench().kafka.producer();
    const missing = { topic: bench().name('missing'), partition: 0, records: records(1) };
    await failure(producer.send(missing, { timeoutMs: 700 }), 'PRODUCE_FAILED');
    const beyond = { topic: await bench().topic(4), partition: 4, records: records(1) };
    await failure(producer.send(beyond, { timeoutMs: 700 }), 'PRODUCE_FAILED');
  });

  it('refuses an empty batch', async () => {
    const at = { topic: await bench().topic(), partition: 0 };
    await failure(
      bench()
        .kafka.producer()
        .send({ ...at, records: [] }),
      'PRODUCE_FAILED',
    );
  });

  it('finishes what it was given when it is closed, and takes no more', async () => {
    const at = { topic: await bench().topic(), partition: 1 };
    const producer = bench().kafka.producer();
    const sent = producer.send({ ...at, records: records(3) });
    await producer.close();
    expect((await sent).baseOffset).toBe(0);
    await failure(producer.send({ ...at, records: records(1) }), 'CLOSED');
  });

  it('keeps its order against others that write to the same partition', async () => {
    const at = { topic: await bench().topic(), partition: 2 };
    const producers = ['a', 'b', 'c'].map((name) => ({ name, producer: bench().kafka.producer() }));
    await Promise.all(
      producers.flatMap(({ name, producer }) =>
        Array.from({ length: 40 }, (_, index) => producer.send({ ...at, records: [record(`${name}${index}`)] })),
      ),
    );
    const found = values(await bench().read(at));
    expect(found).toHaveLength(120);
    for (const { name } of producers) {
      expect(found.filter((value) => value.startsWith(name))).toEqual(
        Array.from({ length: 40 }, (_, index) => `${name}${index}`),
      );
    }
  });
}

function values3(index: number): readonly string[] {
  return [0, 1, 2].map((part) => `${index}.${part}`);
}
