import { describe, expect, it } from '@jest/globals';
import { TopologyTestDriver } from '../../runtime/testing/driver.ts';
import { createRawDecoder } from '../../schemas/raw-decoder.ts';
import { MemoryRegistry } from '../../schemas/registry/memory.ts';
import { createSerdes } from '../../schemas/serdes.ts';
import { rawTopic, topics } from '../../schemas/topics.ts';
import { appendedAt, sourceOf, tag } from './fixture.ts';
import { tagFreshness } from './index.ts';

const transform = [
  { when: 'record.kind == "end"', skip: 'end of the file', as_of: 'record.as_of', ends_batch: true },
  { event: 'Counted', as_of: 'record.?as_of.orValue(null)', identifiers: { product: 'record.sku' } },
];
const counts = sourceOf({ liveness: 'batch', transform });
const asOf = appendedAt - 60_000;
const word = (more: object = {}) => [{ source: 'tills', word: { asOf, at: appendedAt, ends: false, ...more } }];

describe('a source that comes in batches', () => {
  it('vouches with every record, as of when the record says', () => {
    expect(tag(counts, { sku: 'a', as_of: asOf }).vouched).toEqual(word());
    expect(tag(counts, { sku: 'a' }, { 'as-of': String(asOf) }).vouched).toEqual(word());
  });

  it('ends a batch with the record that says so, which need be no event', () => {
    const { vouched, events, counted } = tag(counts, { kind: 'end', as_of: new Date(asOf).toISOString() });
    expect(vouched).toEqual(word({ ends: true }));
    expect([events, counted]).toEqual([[], ['skipped tills end of the file']]);
    const [only] = transform.slice(1);
    const ending = sourceOf({ liveness: 'batch', transform: [{ ...only, as_of: 'record.as_of', ends_batch: true }] });
    expect(tag(ending, { sku: 'a', as_of: asOf })).toMatchObject({ vouched: word({ ends: true }), rejected: [] });
  });

  it('vouches for nothing where a record does not say as of when, and for nothing that lies ahead', () => {
    expect(tag(counts, { sku: 'a' }).vouched).toEqual([]);
    expect(tag(counts, { sku: 'a', as_of: appendedAt + 3_600_000 }).vouched).toEqual(word({ asOf: appendedAt }));
  });

  it('refuses an end that does not say of which batch', () => {
    expect(tag(counts, { kind: 'end', as_of: 'lately' })).toMatchObject({
      vouched: [],
      rejected: [expect.stringMatching(/^validate: as_of/)],
    });
    expect(tag(counts, { kind: 'end' })).toMatchObject({ vouched: [], rejected: [expect.stringMatching(/^transform/)] });
  });

  it('ends with the end of a file, which is no event', () => {
    const files = sourceOf({ files: { folder: 'in', as_of: 'file.modified' }, transform: transform.slice(1) });
    const { vouched, events, rejected, counted } = tag(files, {}, { 'ends-batch': 'true', 'as-of': String(asOf) });
    expect(vouched).toEqual(word({ ends: true }));
    expect([events, rejected, counted]).toEqual([[], [], ['skipped tills end of the file']]);
    expect(tag(counts, { sku: 'a' }, { 'ends-batch': 'true', 'as-of': String(asOf) }).vouched).toEqual(word());
  });

  it('is the only one whose clock goes by what records say', () => {
    expect(tag(sourceOf({ transform: transform.slice(1) }), { sku: 'a', as_of: asOf }).vouched).toEqual([]);
  });
});

describe('a task that takes over', () => {
  it('still knows what was read of the batches, and forgets what was not committed', async () => {
    const registry = new MemoryRegistry();
    const serdes = createSerdes({ registry });
    await serdes.register();
    const processor = tagFreshness({ sources: [counts], secret: 'secret', rawDecoder: createRawDecoder({ registry }) });
    let crashes = false;
    const driver = await TopologyTestDriver.start({
      processors: [processor],
      serdes,
      rejected: topics.eventsRejected,
      partitions: 1,
      now: appendedAt,
      crash: (point) => {
        if (crashes && point === 'processed') throw new Error('crash');
      },
    });
    const [task] = driver.tasks;
    const send = (record: object): void => driver.pipe(rawTopic('tills'), 'k', Buffer.from(JSON.stringify(record)));
    send({ sku: 'a', as_of: asOf });
    await driver.settle();
    const known = task?.watermarks.batch('tills');
    expect(known).toMatchObject({ newest: asOf, from: appendedAt, ended: Number.NEGATIVE_INFINITY });

    crashes = true;
    send({ kind: 'end', as_of: asOf });
    await expect(driver.settle()).rejects.toThrow('crash');
    crashes = false;
    await task?.takeOver();
    expect(task?.watermarks.batch('tills')).toEqual(known);
    await driver.settle();
    expect(task?.watermarks.batch('tills')).toMatchObject({ newest: asOf, ended: asOf, endedAt: appendedAt });
    await driver.close();
  });
});
