import { describe, expect, it } from '@jest/globals';
import { compileSource } from '../schemas/source-schema.ts';
import { inWords, missingParts, neededParts, unfedSources } from './parts.ts';

const source = (name: string, more: object) =>
  compileSource(
    { source: name, description: 'd', owner: 'o', transform: [{ event: 'Told', identifiers: { user_id: 'record.u' } }], ...more },
    {},
  );
const table = { name: 'left', key: 'sku', values: ['left'] };
const sources = [
  source('site', { endpoint: { write_keys: [`sha256:${'0'.repeat(64)}`] } }),
  source('till', { endpoint: { write_keys: [`sha256:${'1'.repeat(64)}`] }, liveness: { idle_after: '10s' } }),
  source('stock', { poll: { url: 'https://stock.example', every: '1m' }, table }),
  source('counts', { topic: {}, liveness: 'batch' }),
  source('prices', { files: { folder: 'drop', as_of: 'file.modified' } }),
  source('news', { topic: {}, cadence: 'on-change' }),
];

describe('the parts of a deployment', () => {
  it('that only some need are named, with who needs them', () => {
    expect(neededParts(sources).map(inWords)).toEqual([
      'keep-reference has to run for stock: without it no row of their tables is found, and no clock of customers moves',
      'polls has to run for stock: without it nobody asks for them',
      'files has to run for prices: without it nobody reads what is put into their folders',
    ]);
    expect(neededParts(sources.slice(0, 2))).toEqual([]);
  });

  it('are missed where they do not run here and nobody has ever heard of them', () => {
    const needed = neededParts(sources);
    const parts = (run: readonly string[], claims: readonly { stage: string; source: string }[]): string[] =>
      missingParts(needed, run, claims).map(({ part }) => part);
    expect(parts(['customers'], [])).toEqual(['keep-reference', 'polls', 'files']);
    expect(parts(['customers', 'keep-reference', 'polls', 'files'], [])).toEqual([]);
    expect(parts(['customers'], [{ stage: 'feed', source: 'site' }])).toEqual(['keep-reference', 'polls', 'files']);
    const elsewhere = [
      { stage: 'feed', source: 'stock' },
      { stage: 'feed', source: 'prices' },
      { stage: 'keep-reference', source: 'site' },
    ];
    expect(parts(['customers'], elsewhere)).toEqual([]);
  });
});

describe('sources that nobody feeds', () => {
  it('are those whose clock stands until somebody does, with how', () => {
    expect(unfedSources(sources)).toEqual([
      { source: 'till', how: 'something every 10s, to the gateway, with its write key' },
      { source: 'counts', how: 'a whole batch, to the topic raw.counts' },
      { source: 'prices', how: 'a whole batch, to a file in the folder drop' },
    ]);
  });
});
