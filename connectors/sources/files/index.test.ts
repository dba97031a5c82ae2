import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../runtime/clock.ts';
import { FreshetError } from '../../../runtime/errors.ts';
import type { Producer } from '../../../runtime/kafka/contract.ts';
import { MemoryBroker } from '../../../runtime/testing/memory-kafka.ts';
import { compileSource } from '../../../schemas/source-schema.ts';
import { replayFiles, type Damage, type ReplayOptions, type ReplayProgress } from './index.ts';

const source = compileSource(
  {
    source: 'tills',
    description: 'Tills',
    owner: 'sales',
    file: { format: 'csv', group_by: 'no', drop_duplicate_rows: true, time: 'parse_time(record.rows[0].at, "yyyy-MM-dd HH:mm")' },
  },
  {},
);
const at = (text: string): number => Date.parse(`${text.replace(' ', 'T')}:00Z`);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'freshet-files-'));
});
afterEach(() => rm(folder, { recursive: true }));

const file = async (name: string, ...lines: string[]): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, lines.map((line) => `${line}\n`).join(''));
  return path;
};

/** A replay into a broker in memory: what it wrote, what it stated, and when, in one list of steps. */
async function replay(more: Pick<ReplayOptions, 'files'> & Partial<ReplayOptions>) {
  const broker = new MemoryBroker({ clock: new ManualClock(0) });
  const kafka = broker.client();
  await kafka.admin.createTopics([{ name: 'raw.tills', partitions: 4, config: {} }]);
  const written = kafka.producer();
  const steps: string[] = [];
  const producer: Producer = {
    close: () => written.close(),
    send: async (batch) => {
      const result = await written.send(batch);
      steps.push(...batch.records.map((record) => `ack ${record.headers?.['message-id']?.toString()}`));
      return result;
    },
  };
  const damages: Damage[] = [];
  const feed = { state: (of: string, upTo: number) => void steps.push(`state ${of} ${upTo}`) };
  const onRejected = (damage: Damage): void => void damages.push(damage);
  const result = await replayFiles({ source, producer, feed, topicName: 'raw.tills', partitions: 4, onRejected, ...more });
  const records = broker.records('raw.tills').map(({ value, headers, key, partition }) => ({
    value: JSON.parse(value?.toString() ?? '') as { key: string; rows: Record<string, string>[] },
    id: headers['message-id']?.toString() ?? '',
    source: headers['source']?.toString(),
    key: key?.toString(),
    partition,
  }));
  await kafka.close();
  const statements = steps.filter((step) => step.startsWith('state')).map((step) => Number(step.split(' ')[2]));
  return { result, records, steps, statements, damages, keys: records.map(({ value }) => value.key).sort() };
}

const header = 'no,at,sku';

describe('replayFiles', () => {
  it('writes the rows of a group as one record, wherever in the file they stand', async () => {
    const path = await file('a.csv', header, '1,2024-01-01 10:00,x', '2,2024-01-01 10:05,y', '1,2024-01-01 10:01,z');
    const { records, result } = await replay({ files: [path] });
    expect(records.map(({ value, source }) => ({ ...value, source })).sort((a, b) => Number(a.key) - Number(b.key))).toEqual([
      {
        key: '1',
        source: 'tills',
        rows: [
          { no: '1', at: '2024-01-01 10:00', sku: 'x' },
          { no: '1', at: '2024-01-01 10:01', sku: 'z' },
        ],
      },
      { key: '2', source: 'tills', rows: [{ no: '2', at: '2024-01-01 10:05', sku: 'y' }] },
    ]);
    expect(result).toMatchObject({
      rows: 3,
      records: 2,
      duplicates: 0,
      rejected: 0,
      late: 0,
      ended: true,
      files: { done: 1, all: 1 },
    });
  });

  it('states the clock of its source only behind what has been acknowledged, then its end', async () => {
    const first = await file('2024-01-01.csv', header, '2,2024-01-01 11:00,x', '1,2024-01-01 10:00,x');
    const second = await file('2024-01-02.csv', header, '3,2024-01-02 09:00,x');
    const { steps, result } = await replay({ files: [second, first] });
    const named = steps.map((step) => step.replace(/^ack .*/, 'ack'));
    expect(named).toEqual([
      `state tills ${at('2024-01-01 10:00') - 1}`,
      'ack',
      'ack',
      `state tills ${at('2024-01-01 11:00') - 1}`,
      `state tills ${at('2024-01-02 09:00') - 1}`,
      'ack',
      `state tills ${at('2024-01-02 09:00')}`,
      'state tills Infinity',
    ]);
    expect(result).toMatchObject({ late: 0, eventTime: at('2024-01-02 09:00') });
  });

  it('takes what lies between two times, and ends the clock where it was told to', async () => {
    const path = await file('a.csv', header, '1,2024-01-01 10:00,x', '2,2024-01-02 10:00,x', '3,2024-01-03 10:00,x');
    const [from, until] = [at('2024-01-02 00:00'), at('2024-01-02 23:59')];
    const { keys, statements, result } = await replay({ files: [path], from, until });
    expect(keys).toEqual(['2']);
    expect(statements.slice(-2)).toEqual([until, Infinity]);
    expect(result.skipped).toEqual({ 'before the start': 1, 'after the end': 1 });
  });

  it('drops a row that equals another of its group, and counts it', async () => {
    const row = '1,2024-01-01 10:00,x';
    const { records, result } = await replay({ files: [await file('a.csv', header, row, row, '2,2024-01-01 10:00,x', row)] });
    expect(records.map(({ value }) => value.rows.length)).toEqual([1, 1]);
    expect(result).toMatchObject({ rows: 4, records: 2, duplicates: 2 });
  });

  it('reports a damaged line by file and number, and goes on with the next', async () => {
    const path = await file(
      'a.csv',
      header,
      '1,2024-01-01 10:00,x',
      '2,2024-01-01 10:00',
      '3,2024-01-01 10:00,"open',
      '4,2024-01-01 10:00,"a, quoted ""comma"""',
      ',2024-01-01 10:00,x',
      '5,noon,x',
      '',
      '6,2024-01-01 10:00,"two\nlines"',
      '7,2024-01-01 10:00,"x"y',
      '8,2024-01-01 10:00,x',
    );
    const { keys, damages, result } = await replay({ files: [path] });
    expect(keys).toEqual(['1', '4', '6', '8']);
    expect(damages.map(({ file, line, reason }) => `${file}:${line} ${reason}`)).toEqual([
      'a.csv:3 expected 3 columns, found 2',
      'a.csv:4 a quote is not closed',
      'a.csv:6 no is empty',
      'a.csv:11 not valid CSV (invalid closing quote)',
      expect.stringMatching(/^a\.csv:7 time: .*expected a time such as yyyy-MM-dd HH:mm$/),
    ]);
    expect(result).toMatchObject({ rows: 9, records: 4, rejected: 5 });
  });

  it('gives the same message ids again, from whichever file and run, so that a second run is recognised', async () => {
    const lines = ['1,2024-01-01 10:00,x', '2,2024-01-01 10:05,y'];
    const first = await replay({ files: [await file('a.csv', header, ...lines)] });
    const second = await replay({ files: [await file('b.csv', header, ...lines.toReversed())] });
    const ids = (records: typeof first.records): unknown[] =>
      records.map(({ value, id, key, partition }) => [value.key, id, key, partition].join(' ')).sort();
    expect(ids(second.records)).toEqual(ids(first.records));
    expect(new Set(first.records.map(({ id }) => id)).size).toBe(2);
  });

  it('holds no more rows than it may, and says which came too late for their group', async () => {
    const rows = Array.from({ length: 20 }, (_, index) => `${index},2024-01-01 10:${String(index + 10)},x`);
    const path = await file(
      'a.csv',
      header,
      ...rows.slice(0, 1),
      ...Array.from({ length: 20_000 }, (_, index) => `z${index},2024-01-01 11:00,${'x'.repeat(40)}`),
      ...rows,
    );
    const { damages, result } = await replay({ files: [path], maxHeldRows: 100 });
    expect(damages.map(({ line, reason }) => `${line} ${reason}`)).toEqual(['20003 its group lies too many rows back']);
    expect(result).toMatchObject({ rows: 20_021, records: 20_020, rejected: 1, late: 19 });
  });

  it('waits until the readers are near what it writes next, and lets them come near over a gap', async () => {
    const path = await file('a.csv', header, '1,2024-01-01 10:00,x', '2,2024-01-09 10:00,x', '3,2024-01-09 11:00,x');
    const [asked, stated]: [number[], number[]] = [[], []];
    const feed = { state: (_: string, upTo: number) => void stated.push(upTo) };
    const waitFor = async (time: number): Promise<void> => {
      asked.push(time);
      expect(stated.at(-1)).toBeGreaterThanOrEqual(time);
    };
    await replay({ files: [path], feed, waitFor });
    expect(asked).toEqual([at('2023-12-25 10:00'), at('2024-01-02 10:00')]);
    await replay({ files: [path], waitFor: async (time) => void asked.push(time), stretchMs: 86_400_000 });
    expect(asked.slice(2)).toEqual([at('2023-12-31 10:00'), at('2024-01-08 10:00')]);
  });

  it('writes again nothing that an earlier run has written, and ends the clock as ever', async () => {
    const path = await file('a.csv', header, '1,2024-01-01 10:00,x', '2,2024-01-02 10:00,x', '3,2024-01-03 10:00,x');
    const { records: all } = await replay({ files: [path] });
    const written = new Set(all.filter(({ value }) => value.key !== '2').map(({ id }) => id));
    const { keys, statements, result } = await replay({ files: [path], written });
    expect(keys).toEqual(['2']);
    expect(result).toMatchObject({ rows: 3, records: 3, written: 2, late: 0, ended: true });
    expect(statements.slice(-2)).toEqual([at('2024-01-03 10:00'), Infinity]);
    expect((await replay({ files: [path], written: new Set(all.map(({ id }) => id)) })).steps).toEqual([
      `state tills ${at('2024-01-03 10:00')}`,
      'state tills Infinity',
    ]);
  });

  it('ends when told to, without stating that the source has ended', async () => {
    const stop = new AbortController();
    const paths = [await file('a.csv', header, '1,2024-01-01 10:00,x'), await file('b.csv', header, '2,2024-01-02 10:00,x')];
    const seen: ReplayProgress[] = [];
    const onProgress = (progress: ReplayProgress): void => {
      seen.push(progress);
      stop.abort();
    };
    const { keys, statements, result } = await replay({ files: paths, onProgress, signal: stop.signal });
    expect(keys).toEqual(['1']);
    expect(statements).toEqual([at('2024-01-01 10:00') - 1]);
    expect(result).toMatchObject({ ended: false, records: 1 });
    expect(seen).toHaveLength(1);
  });

  it('states nothing that was not acknowledged when the broker is away', async () => {
    const path = await file('a.csv', header, '1,2024-01-01 10:00,x');
    const stated: number[] = [];
    const producer: Producer = {
      send: () => Promise.reject(new FreshetError('BROKER_UNAVAILABLE', 'away', { retryable: true })),
      close: () => Promise.resolve(),
    };
    const feed = { state: (_: string, upTo: number) => void stated.push(upTo) };
    await expect(replay({ files: [path], producer, feed })).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    expect(stated).toEqual([at('2024-01-01 10:00') - 1]);
  });

  it.each<[string, string[], RegExp]>([
    ['lacks the column of the groups', ['id,at', '1,2024-01-01 10:00'], /a\.csv has no column "no"; it has id, at/],
    ['names a column twice', ['no,at,no', '1,2024-01-01 10:00,x'], /a\.csv: the header line .* repeated column "no"/],
    [
      'has a damaged header',
      ['no,"at,sku', '1,2024-01-01 10:00,x'],
      /a\.csv: the header line cannot be used: a quote is not closed/,
    ],
  ])('refuses a file that %s', async (_, lines, message) => {
    const path = await file('a.csv', ...lines);
    await expect(replay({ files: [path] })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it('refuses a file that is not there before it reads the others', async () => {
    const path = await file('a.csv', header, '1,2024-01-01 10:00,x');
    const seen: ReplayProgress[] = [];
    const missing = replay({ files: [path, join(folder, 'b.csv')], onProgress: (progress) => void seen.push(progress) });
    await expect(missing).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: 'b.csv is no file that can be read' });
    expect(seen).toEqual([]);
  });
});

describe('lines of JSON', () => {
  const lines = compileSource(
    { source: 'tills', description: 'Tills', owner: 'sales', file: { format: 'ndjson', time: 'record.at' } },
    {},
  );

  it('are a record each, in the order of event time, told apart even when they are equal', async () => {
    const one = (minute: number): string => JSON.stringify({ at: `2024-01-01T10:0${minute}:00Z`, nested: { n: minute } });
    const path = await file('a.ndjson', one(2), one(1), '', 'no json', '[1]', one(1));
    const { records, damages, result } = await replay({ files: [path], source: lines });
    expect(records.map(({ value }) => JSON.stringify(value)).sort()).toEqual([one(1), one(1), one(2)]);
    expect(new Set(records.map(({ id }) => id)).size).toBe(3);
    expect(damages.map(({ line, reason }) => `${line} ${reason}`)).toEqual(['4 not JSON', '5 expected a JSON object']);
    expect(result).toMatchObject({ rows: 5, records: 3, rejected: 2 });
  });

  it('are damaged where they are not UTF-8, and have no byte order mark', async () => {
    const path = join(folder, 'a.ndjson');
    const good = Buffer.from('\uFEFF{"at":"2024-01-01T10:00:00Z","name":"Zoë"}\r\n');
    await writeFile(path, Buffer.concat([good, Buffer.from([0x22, 0xff, 0x22, 0x0a]), good.subarray(3, -2)]));
    const { records, damages } = await replay({ files: [path], source: lines });
    expect(records.map(({ value }) => value)).toEqual([1, 2].map(() => ({ at: '2024-01-01T10:00:00Z', name: 'Zoë' })));
    expect(damages).toEqual([{ file: 'a.ndjson', line: 2, rows: 1, reason: 'not UTF-8' }]);
  });
});
