import { describe, expect, it } from '@jest/globals';
import { prefixedNames } from '../../../runtime/environment.ts';
import { ManualClock } from '../../../runtime/clock.ts';
import { MemoryBroker } from '../../../runtime/testing/memory-kafka.ts';
import { compileSource } from '../../../schemas/source-schema.ts';
import { topicSpecs } from '../../../schemas/topic-specs.ts';
import { rawTopic } from '../../../schemas/topics.ts';
import { asker } from './ask.ts';
import { poll } from './index.ts';
import { pollsTopic, readState } from './state.ts';

const names = prefixedNames('');
const start = Date.UTC(2026, 2, 14);

function source(more: object) {
  const yaml = {
    source: 'stock',
    description: 'd',
    owner: 'o',
    poll: { url: 'https://stock.example/all?since={cursor}', every: '1m', ...more },
    transform: [{ event: 'Counted', identifiers: { product: 'record.sku' } }],
  };
  return compileSource(yaml, { TOKEN: 'a secret token' });
}

interface Question {
  readonly url: string;
  readonly headers: Record<string, string>;
}

/** A source that is asked for, with a clock that moves when somebody waits. */
function world(more: object, answers: ((question: Question) => Response | Error)[]) {
  const kafka = new MemoryBroker({ clock: new ManualClock(start) }).client();
  const asked: Question[] = [];
  const waits: number[] = [];
  const stated: number[] = [];
  const results: string[] = [];
  let now = start;
  const config = source(more);
  const input = config.input.kind === 'poll' ? config.input.poll : undefined;
  if (input === undefined) throw new Error('no poll');
  const http: typeof fetch = async (url, init) => {
    const question = { url: url instanceof Request ? url.url : url.toString(), headers: init?.headers as Record<string, string> };
    asked.push(question);
    const answer = answers.shift()?.(question) ?? new Response('{}', { status: 500 });
    if (answer instanceof Error) throw answer;
    return answer;
  };
  /** Until all answers have been given. */
  const run = async (): Promise<void> => {
    await kafka.admin.createTopics(topicSpecs({ prefix: '', partitions: 2, topics: [pollsTopic, rawTopic('stock')] }));
    const ending = new AbortController();
    await poll({
      source: config,
      everyMs: input.everyMs,
      ask: asker(input, http),
      kafka,
      names,
      partitions: 2,
      tick: () => now,
      state: (upTo) => stated.push(upTo - start),
      metrics: { asked: (_, result) => results.push(result), items: () => undefined },
      log: () => undefined,
      signal: ending.signal,
      wait: async (ms) => {
        waits.push(ms);
        now += ms;
        if (answers.length === 0) ending.abort();
      },
      random: () => 1,
    });
  };
  const records = async (): Promise<unknown[]> => {
    const found: unknown[] = [];
    for (const partition of [0, 1]) {
      const at = { topic: 'raw.stock', partition };
      const [end] = (await kafka.admin.endOffsets([at])).values();
      const stream = kafka.reader().open(at, 0);
      while (stream.position < (end ?? 0)) {
        const taken = stream.take(1000);
        if (taken.length === 0) await new Promise((resolve) => setImmediate(resolve));
        found.push(...taken.map(({ value }) => JSON.parse(value?.toString() ?? '') as unknown));
      }
      stream.close();
    }
    return found;
  };
  return { kafka, asked, waits, stated, results, answers, run, records };
}

const json =
  (body: unknown, headers: Record<string, string> = {}) =>
  () =>
    Response.json(body, { headers });
const items = (...skus: string[]) => skus.map((sku) => ({ sku }));

describe('a source that is asked for', () => {
  it('has a record for each thing in an answer, and is known up to when it was asked', async () => {
    const { run, records, stated, waits } = world({ items: 'body.products' }, [
      json({ products: items('pan', 'pot') }),
      json({ products: items('lid') }),
    ]);
    await run();
    expect(new Set((await records()).map((each) => (each as { sku: string }).sku))).toEqual(new Set(['pan', 'pot', 'lid']));
    expect(stated).toEqual([-5000, 55_000]);
    expect(waits).toEqual([60_000, 60_000]);
  });

  it('is asked for with what the last answer gave to ask by, and says who asks', async () => {
    const { run, asked, results, stated } = world({ auth: { bearer: '${TOKEN}' } }, [
      json(items('pan'), { etag: '"1"', 'last-modified': 'Sat, 14 Mar 2026 00:00:00 GMT' }),
      () => new Response(null, { status: 304 }),
      json(items('pan', 'pot')),
    ]);
    await run();
    expect(asked[0]?.headers).toMatchObject({ authorization: 'Bearer a secret token' });
    expect(asked[0]?.headers).not.toHaveProperty('if-none-match');
    expect(asked[1]?.headers).toMatchObject({
      'if-none-match': '"1"',
      'if-modified-since': 'Sat, 14 Mar 2026 00:00:00 GMT',
    });
    expect(results).toEqual(['new', 'unchanged', 'new']);
    // Nothing new is news as well: up to here nothing has changed.
    expect(stated).toHaveLength(3);
  });

  it('has the same answer taken in once where the other side has no marks', async () => {
    const { run, records, results } = world({}, [json(items('pan')), json(items('pan'))]);
    await run();
    expect(results).toEqual(['new', 'unchanged']);
    expect(await records()).toEqual(items('pan'));
  });

  it('is asked on at once while there is more, from the cursor of the answer before', async () => {
    const page = (next: string | null, more: boolean, ...skus: string[]) => json({ rows: items(...skus), next, more });
    const { run, asked, waits, stated, kafka } = world(
      { items: 'body.rows', cursor: { next: 'body.next', more: 'body.more', first: '0' } },
      [page('a b', true, 'pan'), page('c', false, 'pot'), page(null, false)],
    );
    await run();
    expect(asked.map(({ url }) => url.split('=')[1])).toEqual(['0', 'a%20b', 'c']);
    expect(waits).toEqual([60_000, 60_000]);
    expect(stated).toHaveLength(2);
    expect(await readState(kafka, pollsTopic.name, 2, 'stock')).toMatchObject({ cursor: 'c', partly: null });
  });

  it('is asked for later and later while it does not answer, as late as it asks for, and grows old meanwhile', async () => {
    const { run, waits, stated, results } = world({}, [
      () => new Error('refused'),
      () => new Response('', { status: 503 }),
      () => new Response('', { status: 429, headers: { 'retry-after': '20' } }),
      () => new Response('not json'),
      json(items('pan')),
    ]);
    await run();
    expect(waits).toEqual([1000, 2000, 20_000, 8000, 60_000]);
    expect(results).toEqual(['failed', 'failed', 'failed', 'failed', 'new']);
    expect(stated).toEqual([26_000]);
  });

  it('goes on after a restart from what was kept in Kafka: the cursor, the marks, and when it is due', async () => {
    const first = world({ items: 'body.rows', cursor: { next: 'body.next' } }, [json({ rows: items('pan'), next: 'n1' })]);
    await first.run();
    const answers = [json({ rows: items('pot'), next: 'n2' })];
    first.answers.push(...answers);
    first.asked.length = 0;
    await first.run();
    expect(first.asked.map(({ url }) => url.split('=')[1])).toEqual(['n1']);
    expect(new Set(await first.records())).toEqual(new Set([...items('pan'), ...items('pot')]));
  });

  it('asks by the marks of an answer only where its cursor asks the same again, also after a restart', async () => {
    const page = (next: string, more: boolean, etag: string, ...skus: string[]) =>
      json({ rows: items(...skus), next, more }, { etag });
    const { run, asked, answers, results, records, kafka } = world(
      { items: 'body.rows', cursor: { next: 'body.next', more: 'body.more', first: '0' } },
      [page('a', true, '"1"', 'pan'), page('a', false, '"2"', 'pot')],
    );
    await run();
    expect(await readState(kafka, pollsTopic.name, 2, 'stock')).toMatchObject({ cursor: 'a', etag: '"2"' });
    answers.push(() => new Response(null, { status: 304 }), page('b', false, '"3"', 'lid'));
    await run();
    answers.push(page('b', false, '"4"'));
    await run();
    expect(asked.map(({ url, headers }) => [url.split('=')[1], headers['if-none-match']])).toEqual([
      ['0', undefined],
      ['a', undefined],
      ['a', '"2"'],
      ['a', '"2"'],
      ['b', undefined],
    ]);
    expect(results).toEqual(['new', 'new', 'unchanged', 'new', 'new']);
    expect(new Set((await records()).map((each) => (each as { sku: string }).sku))).toEqual(new Set(['pan', 'pot', 'lid']));
  });

  it('takes in the rest of an answer in whose middle it was interrupted, and nothing twice', async () => {
    const many = items(...Array.from({ length: 1200 }, (_, i) => `p${i}`));
    const { kafka, run, records, answers } = world({}, [json(many)]);
    const open = kafka.transactionalProducer.bind(kafka);
    let left = 2;
    kafka.transactionalProducer = (id) => {
      const producer = open(id);
      const transact = producer.transact.bind(producer);
      producer.transact = async (batches) => {
        if (left-- === 0) throw new Error('the broker is away');
        return await transact(batches);
      };
      return producer;
    };
    answers.push(json(many));
    await run();
    const found = (await records()).map((each) => (each as { sku: string }).sku);
    expect(found).toHaveLength(1200);
    expect(new Set(found).size).toBe(1200);
  });
});

describe('what is declared of a poll', () => {
  it.each([
    [{ every: '10ms' }, 'expected 1s or more'],
    [{ auth: { bearer: '${NOWHERE}' } }, 'the environment variable NOWHERE is not set'],
    [{ auth: { bearer: 'plain' } }, 'secrets do not stand in files'],
    [{ items: 'body.(' }, 'not a valid CEL expression'],
    [{ url: 'ftp://x' }, 'expected What is asked'],
  ])('%j is refused', (more, message) => {
    expect(() => source(more)).toThrow(message);
  });

  it('is how often it says something new, unless it says so itself', () => {
    expect(source({}).cadence).toEqual({ kind: 'every', intervalMs: 60_000 });
    expect(source({}).liveness).toEqual({ kind: 'stated' });
  });
});
