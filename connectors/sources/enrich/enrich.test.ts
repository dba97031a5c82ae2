import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { Answers } from './answers.ts';
import { askingWorld, json, thirdParty, until } from './fixture.ts';
import { enrichMetrics } from './metrics.ts';
import { Window } from './window.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function open(answer: Parameters<typeof thirdParty>[0], more: object = {}, ofSource: object = {}) {
  const third = await thirdParty(answer);
  closers.push(third.close);
  const world = await askingWorld(third.url, more, ofSource);
  const run = async (): Promise<() => Promise<void>> => {
    const before = world.stated.length;
    const end = world.run();
    closers.push(end);
    // It reads from where it stands once it has said how far it is.
    await until(
      () => world.stated.length,
      (count) => count > before,
    );
    return end;
  };
  const view = (who: string, city: unknown): Promise<void> => world.event('Place Seen', who, { city });
  const told = (count: number) =>
    until(
      () => world.told(),
      (all) => all.length >= count,
    );
  return { ...world, ...third, run, view, told };
}
const sunny = (_: string, response: Parameters<typeof json>[0]): void => json(response, { sky: 'sunny' });
const ofThings = {
  transform: [{ event: 'Weather Set', properties: { city: 'record.key', sky: 'record.answer.sky' } }],
  table: { name: 'weather', key: 'city', values: ['sky'] },
};

describe('an enrichment', () => {
  it('asks because of an event, and tells what was answered, as of when it was asked', async () => {
    const { run, view, told, asked, event } = await open(sunny);
    await view('early', 'Rome');
    await run();
    await event('Order Made', 'ann', { city: 'Oslo' });
    await view('ann', 'Bad Ems & Co');
    const [first] = await told(1);
    // What was there before it began, and what it was not told to listen to, asks nothing.
    expect(asked).toEqual(['/now?city=Bad%20Ems%20%26%20Co']);
    expect(first?.said).toMatchObject({ key: 'Bad Ems & Co', answer: { sky: 'sunny' }, identifiers: { user_id: 'ann' } });
    expect(first?.asOf).toBe(first?.said.asked_at);
  });

  it('asks once while an answer is fresh, and tells it each customer once', async () => {
    const { run, view, told, asked, questions } = await open(sunny);
    await run();
    await view('ann', 'Oslo');
    await told(1);
    await view('bob', 'Oslo');
    await view('ann', 'Oslo');
    await until(
      () => questions,
      (all) => all.length === 3,
    );
    const all = await told(2);
    expect(asked).toHaveLength(1);
    expect(questions).toEqual(['asked', 'cached', 'cached']);
    expect(new Set(all.map(({ said }) => said.identifiers?.['user_id']))).toEqual(new Set(['ann', 'bob']));
    expect(new Set(all.map(({ asOf }) => asOf)).size).toBe(1);
  });

  it('asks again once the answer is no longer fresh', async () => {
    const { run, view, told, asked, questions } = await open(sunny, { fresh_for: '1s' }, ofThings);
    await run();
    await view('ann', 'Oslo');
    const [first] = await told(1);
    await until(
      () => Date.now(),
      (now) => now >= (first?.asOf ?? 0) + 1000,
    );
    await view('ann', 'Oslo');
    const all = await told(2);
    expect(asked).toHaveLength(2);
    expect(questions).toEqual(['asked', 'asked']);
    expect(new Set(all.map(({ id }) => id)).size).toBe(2);
  });

  it('asks for a thing once however many want to know meanwhile, and tells nobody in particular', async () => {
    const waiting: (() => void)[] = [];
    const { run, view, told, asked, questions } = await open(
      (_, response) => {
        waiting.push(() => json(response, { sky: 'grey' }));
      },
      {},
      ofThings,
    );
    await run();
    for (const who of ['ann', 'bob', 'cyd']) await view(who, 'Oslo');
    await until(
      () => questions,
      (all) => all.length === 3,
    );
    const [go] = await until(
      () => waiting,
      (all) => all.length > 0,
    );
    go?.();
    const all = await told(1);
    expect(questions.toSorted()).toEqual(['asked', 'joined', 'joined']);
    expect(asked).toHaveLength(1);
    expect(all).toHaveLength(1);
    expect(all[0]?.said).not.toHaveProperty('identifiers');
  });

  it('waits as long as the other side asks for before anything is asked, and tries again', async () => {
    let busy = true;
    const times: number[] = [];
    const { run, view, told, calls } = await open((_, response) => {
      times.push(performance.now());
      if (!busy) return json(response, { sky: 'sunny' });
      busy = false;
      response.writeHead(429, { 'retry-after': '1' }).end();
    });
    await run();
    await view('ann', 'Oslo');
    await until(
      () => calls,
      (all) => all.includes('busy'),
    );
    await view('bob', 'Rome');
    await told(2);
    expect(calls).toEqual(['busy', 'answered', 'answered']);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(990);
  });

  it.each([
    ['is away', '5xx', 'failed'],
    ['is slow', 'slow', 'late'],
  ])(
    'gives a question up after its attempts when the other side %s, and holds its clock until somebody is answered',
    async (_, how, outcome) => {
      let isWell = false;
      const { run, view, told, calls, questions, stated, logged } = await open(
        (_, response) => {
          if (isWell) json(response, { sky: 'sunny' });
          else if (how === '5xx') response.writeHead(503).end();
        },
        { attempts: 2, timeout: how === 'slow' ? '60ms' : '20s' },
      );
      await run();
      const began = Date.now();
      await view('ann', 'Oslo');
      await until(
        () => questions,
        (all) => all.includes('given_up'),
      );
      expect(calls.slice(0, 2)).toEqual([outcome, outcome]);
      await view('ann', 'Oslo');
      const held = stated.length;
      await until(
        () => stated.length,
        (count) => count > held + 2,
      );
      const lateness = 5000;
      const givenUp = stated.at(-1) ?? 0;
      expect(givenUp + lateness).toBeGreaterThanOrEqual(began);
      expect(stated.at(-2)).toBe(givenUp);
      expect(logged.join('')).not.toMatch(/Oslo|ann/);
      // It finds out by itself when it is well again, and tells late what had been asked.
      isWell = true;
      const all = await told(1);
      expect(all[0]?.said).toMatchObject({ key: 'Oslo', identifiers: { user_id: 'ann' } });
      await until(
        () => stated.at(-1) ?? 0,
        (at) => at > givenUp,
      );
    },
  );

  it('leaves calls out beyond its budget, counts them and says so once', async () => {
    const { run, view, told, asked, questions, logged } = await open(sunny, { budget: { calls: 2, per: '300d' } });
    await run();
    for (const city of ['Oslo', 'Rome', 'Bonn', 'Lima']) await view('ann', city);
    await until(
      () => questions.filter((result) => result === 'over_budget'),
      (all) => all.length === 2,
    );
    await told(2);
    expect(asked).toHaveLength(2);
    expect(logged.filter((line) => line.includes('budget'))).toHaveLength(1);
  });

  it('has no more calls under way than it may', async () => {
    let most = 0;
    const pending: (() => void)[] = [];
    const { run, view, told } = await open(
      (_, response) => {
        pending.push(() => json(response, {}));
        most = Math.max(most, pending.length);
        // Both at once, and late enough for a third to come if there is one.
        if (pending.length === 2) void delay(15).then(() => pending.splice(0).forEach((answer) => answer()));
      },
      { at_once: 2 },
    );
    await run();
    for (let i = 0; i < 8; i++) await view('ann', `c${i}`);
    await told(8);
    expect(most).toBe(2);
  });

  it('tells of what the other side knows nothing to nobody, and does not ask again', async () => {
    const { run, view, questions, calls, told } = await open((_, response) => void response.writeHead(404).end());
    await run();
    await view('ann', 'Atlantis');
    await until(
      () => calls,
      (all) => all.length === 1,
    );
    await view('ann', 'Atlantis');
    await until(
      () => questions,
      (all) => all.length === 2,
    );
    expect(questions).toContain('asked');
    expect(calls).toEqual(['nothing']);
    expect(await told(0)).toEqual([]);
  });

  it.each([
    ['nothing', null],
    ['no text', ['Oslo']],
    ['dots that lead elsewhere', '..'],
    ['a text without an end', 'x'.repeat(600)],
  ])('is not asked about %s', async (_, city) => {
    const { run, view, told, asked } = await open(sunny);
    await run();
    await view('ann', city);
    await view('ann', 'Oslo');
    await told(1);
    expect(asked).toHaveLength(1);
  });

  it('is not asked because of history, nor of its own answers', async () => {
    const { run, view, event, told, asked } = await open(sunny);
    await run();
    await event('Place Seen', 'ann', { city: 'Rome' }, { mode: 'backfill' });
    await event('Place Seen', 'ann', { city: 'Bonn' }, { source: 'weather' });
    await view('ann', 'Oslo');
    await told(1);
    expect(asked).toEqual(['/now?city=Oslo']);
  });

  it('says who asks, by what stands in the environment', async () => {
    let who: string | undefined;
    const { run, view, told } = await open(
      (_, response, request) => {
        who = request.headers.authorization;
        json(response, {});
      },
      { auth: { bearer: '${TOKEN}' } },
    );
    await run();
    await view('ann', 'Oslo');
    await told(1);
    expect(who).toBe('Bearer a secret token');
  });
});

describe('an enrichment that is interrupted', () => {
  it('asks what had not been answered, and knows what had', async () => {
    const { run, view, told, asked, side, questions } = await open(sunny);
    const end = await run();
    await view('ann', 'Oslo');
    const [first] = await told(1);
    side.answer = () => undefined;
    await view('ann', 'Rome');
    await until(
      () => asked,
      (all) => all.length === 2,
    );
    await end();
    await view('bob', 'Oslo');
    side.answer = sunny;
    await run();
    const all = await told(3);
    expect(asked).toEqual(['/now?city=Oslo', '/now?city=Rome', '/now?city=Rome']);
    expect(questions.filter((result) => result === 'cached')).toHaveLength(1);
    expect(all.map(({ said }) => said.key).toSorted()).toEqual(['Oslo', 'Oslo', 'Rome']);
    expect(all.filter(({ said }) => said.key === 'Oslo').map(({ asOf }) => asOf)).toEqual([first?.asOf, first?.asOf]);
  });

  it('tells the same answer under the same id when a transaction broke off, so that it counts once', async () => {
    const { run, view, told, kafka, asked } = await open(sunny);
    const begin = kafka.transactionalProducer.bind(kafka);
    let breaks = 1;
    kafka.transactionalProducer = (id) => {
      const producer = begin(id);
      const transact = producer.transact.bind(producer);
      producer.transact = async (batches) => {
        const isTold = batches.some(({ topic }) => topic === 'raw.weather');
        // It was written, and nobody heard of it.
        const results = await transact(batches);
        if (isTold && breaks-- > 0) throw new Error('the broker is away');
        return results;
      };
      return producer;
    };
    await run();
    await view('ann', 'Oslo');
    await told(1);
    await view('ann', 'Oslo');
    const all = await told(2);
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    expect(asked).toHaveLength(1);
  });

  it('keeps each answer in the transaction that tells it, however many transactions it takes', async () => {
    const large = 'x'.repeat(60_000);
    const { run, view, told, kafka } = await open((_, response) => json(response, { large }), { at_once: 20 }, ofThings);
    const begin = kafka.transactionalProducer.bind(kafka);
    const pages: string[][][] = [];
    kafka.transactionalProducer = (id) => {
      const producer = begin(id);
      const transact = producer.transact.bind(producer);
      producer.transact = async (batches) => {
        const keys = batches.map(({ records }) => records.map(({ key }) => key?.toString() ?? ''));
        const isTold = batches.map(({ topic }) => topic === 'raw.weather');
        pages.push([keys.filter((_, i) => isTold[i]).flat(), keys.filter((_, i) => !isTold[i]).flat()]);
        return await transact(batches);
      };
      return producer;
    };
    await run();
    for (let i = 0; i < 20; i++) await view('ann', `c${i}`);
    await told(20);
    for (const [raw = [], own = []] of pages)
      expect(new Set(own)).toEqual(new Set(['weather', ...raw.map((hash) => `weather/${hash}`)]));
    expect(pages.flatMap(([raw = []]) => raw)).toHaveLength(20);
  });

  it('goes on counting its budget', async () => {
    const { run, view, told, questions } = await open(sunny, { budget: { calls: 1, per: '300d' } });
    const end = await run();
    await view('ann', 'Oslo');
    await told(1);
    await end();
    await run();
    await view('ann', 'Rome');
    await until(
      () => questions,
      (all) => all.includes('over_budget'),
    );
  });
});

describe('what an enrichment keeps', () => {
  it('is the youngest where there is too much', () => {
    const answers = new Answers(1000, { size: 1000, rows: 2 });
    for (const [index, name] of ['a', 'b', 'c'].entries()) answers.set(name, { answer: name, askedAt: index });
    expect(answers.drop(3, 10)).toEqual(['a']);
    expect(answers.get('c', 3)?.answer).toBe('c');
    expect(answers.drop(1001, 10)).toEqual(['b']);
    expect(answers.get('c', 1002)).toBeUndefined();
  });

  it('is that all before the first question that is open has been dealt with', () => {
    const window = new Window();
    window.begin(0, 7);
    for (const offset of [7, 8, 9]) window.take(0, offset);
    window.finish(0, 8);
    expect(window.offsets()).toEqual({ '0': 7 });
    window.finish(0, 7);
    window.finish(0, 7);
    expect([window.offsets(), window.size]).toEqual([{ '0': 9 }, 1]);
  });

  it('is counted', async () => {
    const registry = new Registry();
    const metrics = enrichMetrics(registry);
    metrics.called('weather', 'late', 2);
    metrics.question('weather', 'over_budget');
    const text = await registry.metrics();
    expect(text).toContain('freshet_enrich_calls_total{source="weather",outcome="late"} 1');
    expect(text).toContain('freshet_enrich_questions_total{source="weather",result="over_budget"} 1');
    expect(text).toContain('freshet_enrich_call_seconds_sum{source="weather"} 2');
  });
});
