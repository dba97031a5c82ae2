import { appendFile, mkdir, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { header } from '../../../runtime/record.ts';
import { epoch, filesWorld } from './intake-fixture.ts';

const count = (...skus: string[]): string => `sku,left\n${skus.map((sku) => `${sku},1\n`).join('')}`;
const many = Array.from({ length: 23 }, (_, index) => `p${index}`);
const skus = (rows: readonly unknown[]): string[] => rows.map((row) => (row as { sku: string }).sku).sort();

describe('a file that is put into the folder of a source', () => {
  it('has a record for each row, then the end of its batch, and is moved to done', async () => {
    const world = await filesWorld({ as_of: 'record.at' });
    await world.put('stock.csv', 'sku,at\npan,2026-11-22T02:00:00Z\npot,2026-11-22T03:00:00Z\n');
    await world.look(7);
    expect(skus(world.rows())).toEqual(['pan', 'pot']);
    expect(world.ends()).toEqual([Date.UTC(2026, 10, 22, 3)]);
    const pan = world.records().find(({ value }) => value?.includes('pan'));
    expect(header(pan?.headers ?? {}, 'as-of')).toBe(String(Date.UTC(2026, 10, 22, 2)));
    expect([header(pan?.headers ?? {}, 'file'), header(pan?.headers ?? {}, 'line')]).toEqual(['stock.csv', '2']);
    expect([await world.names(), await world.names('done')]).toEqual([[], ['stock.csv']]);
    expect(world.outcomes).toEqual(['done']);
  });

  it('is taken once it has been the same for as long as it takes, however long it is written', async () => {
    const world = await filesWorld({ settle: '4s' });
    await world.put('stock.csv', 'sku,left\n');
    await world.look(8, async (look) => {
      if (look <= 4) await appendFile(join(world.folder, 'stock.csv'), `p${look},1\n`);
      else if (look === 5) expect(world.records()).toEqual([]);
    });
    expect(skus(world.rows())).toEqual(['p1', 'p2', 'p3', 'p4']);
    expect(world.outcomes).toEqual(['done']);
  });

  it('is not looked at under a name for what is unfinished, or that is none of the source’s', async () => {
    const world = await filesWorld({ pattern: 'stock-*', settle: '0s' });
    for (const name of ['.stock-1.csv', 'stock-1.csv.part', 'stock-1.txt.tmp', 'prices.csv']) await world.put(name, count(name));
    await world.look(2, async () => await rename(join(world.folder, 'stock-1.csv.part'), join(world.folder, 'stock-1.csv')));
    expect(skus(world.rows())).toEqual(['stock-1.csv.part']);
    expect(await world.names()).toHaveLength(3);
  });

  it('is read in the order of names, csv and ndjson alike, and says as of when it was made even where it is empty', async () => {
    const world = await filesWorld({ settle: '0s' });
    await world.put('b.ndjson', '{"sku":"pot"}\n', 60);
    await world.put('a.csv', 'sku\n', 30);
    await world.put('c.jsonl', '', 90);
    await world.look(1);
    expect(world.logged.filter((line) => line.includes('has been read')).map((line) => /[abc]\.\w+/.exec(line)?.[0])).toEqual([
      'a.csv',
      'b.ndjson',
      'c.jsonl',
    ]);
    expect(world.rows()).toEqual([{ sku: 'pot' }]);
    expect([...world.ends()].sort((a, b) => a - b)).toEqual([30, 60, 90].map((seconds) => epoch + seconds * 1000));
  });

  it('loses no row to those that cannot be used: these are rejected, with file and row', async () => {
    const world = await filesWorld({ settle: '0s', as_of: 'record.at' });
    await world.put('s.csv', 'sku,at\npan,2026-11-22\npot\nlid,lately\n\ntin,2026-11-22\n');
    await world.look(1);
    expect(skus(world.rows())).toEqual(['pan', 'tin']);
    expect(
      world
        .rejected()
        .map(({ reason }) => reason)
        .sort(),
    ).toEqual([
      's.csv:3: expected 2 columns, found 1',
      's.csv:4: as_of: expected a time since 1970: ISO 8601 text or epoch milliseconds',
    ]);
    expect(world.rejected().find(({ reason }) => reason.includes(':3:'))).toMatchObject({
      topic: 'raw.counts',
      processor: 'files',
      source: 'counts',
      value: Buffer.from('pot'),
    });
    expect(world.outcomes).toEqual(['done']);
    expect(world.logged.at(-1)).toContain('"rows":4,"rejected":2');
  });

  it.each([
    ['sku,price\npan,1\n', 's.csv:1: expected the columns sku, left; found sku, price'],
    ['sku,sku\npan,1\n', 's.csv: the header line cannot be used: an unusable or repeated column'],
    [Buffer.from([0x1f, 0x8b, 0xff, 0x0a, 0x00]), 's.csv: the header line cannot be used: not UTF-8'],
    ['', 's.csv:1: expected a header line, found none'],
  ])('is moved to failed where nothing of it can be used, and the log says what was expected: %j', async (text, why) => {
    const world = await filesWorld({ settle: '0s', columns: ['sku', 'left'] });
    await world.put('s.csv', text);
    await world.put('t.csv', count('pan'));
    await world.look(1);
    expect([await world.names(), await world.names('failed'), await world.names('done')]).toEqual([[], ['s.csv'], ['t.csv']]);
    expect(world.outcomes).toEqual(['failed', 'done']);
    expect(world.logged.find((line) => line.startsWith('["error"'))).toContain(why);
    expect(skus(world.rows())).toEqual(['pan']);
  });
});

describe('a file that comes again', () => {
  it('counts once with the same content, and is another one with a different one', async () => {
    const world = await filesWorld({ settle: '0s' });
    await world.put('s.csv', count('pan', 'pot'));
    await world.look(1);
    const before = world.ids();
    await world.put('s.csv', count('pan', 'pot'), 60);
    await world.look(1);
    expect(world.ids()).toEqual(before);
    await world.put('s.csv', count('pan', 'lid'), 120);
    await world.look(1);
    expect(skus(world.rows())).toEqual(['lid', 'pan', 'pan', 'pot']);
    expect(new Set(world.ids()).size).toBe(6);
    expect(world.outcomes).toEqual(['done', 'repeated', 'done']);
    expect(await world.names('done')).toHaveLength(3);
  });

  it('is remembered where it cannot be moved', async () => {
    const world = await filesWorld({ settle: '0s' });
    await writeFile(join(world.folder, 'done'), 'no folder');
    await world.put('s.csv', count('pan'));
    await world.look(3);
    await world.look(3);
    expect(skus(world.rows())).toEqual(['pan']);
    expect(world.outcomes).toEqual(['done']);
    expect(world.logged.filter((line) => line.includes('cannot be moved'))).toHaveLength(2);
    await unlink(join(world.folder, 'done'));
    await world.look(1);
    expect([await world.names(), await world.names('done')]).toEqual([[], ['s.csv']]);
  });
});

describe('whoever goes on with a file', () => {
  const transactions = Math.ceil(many.length / 5);
  it.each(
    Array.from({ length: transactions }, (_, at) => [at, 'before' as const] as const).flatMap(([at]) => [
      [at, 'before' as const] as const,
      [at, 'after' as const] as const,
    ]),
  )('finds each row once when it was interrupted at transaction %i, %s its end', async (at, when) => {
    const world = await filesWorld({ settle: '0s' }, { pageRows: 5, crash: (each) => (each === at ? when : undefined) });
    await world.put('s.csv', count(...many));
    await world.look(3);
    expect(skus(world.rows())).toEqual([...many].sort());
    expect(new Set(world.ids()).size).toBe(many.length + 1);
    expect(world.ends()).toEqual([epoch]);
    expect(await world.names('done')).toEqual(['s.csv']);
  });

  it('reads texts of several lines and damaged rows as if nothing had happened, wherever it goes on', async () => {
    const text = 'sku,left\n"a\nb",1\n\n"open,2\nc,3\nd\n"e ""f""\n\n",4\nlast,"5';
    const outcome = async (crash?: (at: number) => 'after' | undefined): Promise<unknown[]> => {
      const world = await filesWorld({ settle: '0s' }, { pageRows: 1, ...(crash === undefined ? {} : { crash }) });
      await world.put('s.csv', text);
      await world.look(12);
      expect(world.outcomes.filter((each) => each === 'done').length).toBeLessThanOrEqual(1);
      return [new Set(world.ids()), world.ids().length, new Set(world.rejected().map(({ reason }) => reason))];
    };
    const undisturbed = await outcome();
    expect(undisturbed[1]).toBe(4);
    expect(await outcome(() => 'after')).toEqual(undisturbed);
  });

  it('goes on with it before any other, and does not believe in one that has been changed meanwhile', async () => {
    const world = await filesWorld({ settle: '0s' }, { pageRows: 5, crash: (at) => (at === 1 ? 'before' : undefined) });
    await world.put('s.csv', count(...many));
    await world.look(3, async (look) => {
      if (look === 1) await world.put('s.csv', count('pan'), 60);
    });
    expect(skus(world.rows())).toEqual([...many.slice(0, 5), 'pan'].sort());
    expect(world.ends()).toEqual([epoch + 60_000]);
    expect(world.outcomes).toEqual(['lost', 'done']);
    expect(world.logged.find((line) => line.startsWith('["error"'))).toContain('"file":"s.csv","row":7,"rows":5');
  });
});

describe('a folder', () => {
  it('that is not there is waited for', async () => {
    const world = await filesWorld({ settle: '0s' });
    await rename(world.folder, `${world.folder}-away`);
    await world.look(4, async (look) => {
      if (look === 2) {
        await mkdir(world.folder);
        await world.put('s.csv', count('pan'));
      }
    });
    expect(world.logged[0]).toContain('"why":"ENOENT"');
    expect(skus(world.rows())).toEqual(['pan']);
  });

  it('whose rows say themselves where a batch ends has no other ends', async () => {
    const end = { when: 'record.sku == "end"', skip: 'end', as_of: 'record.left', ends_batch: true };
    const transform = [end, { event: 'Counted', as_of: 'record.left', identifiers: { product: 'record.sku' } }];
    const world = await filesWorld({ settle: '0s' }, { transform });
    await world.put('s.csv', count('pan', 'end'));
    await world.look(1);
    expect([skus(world.rows()), world.ends()]).toEqual([['end', 'pan'], []]);
  });
});
