import { describe, expect, it } from '@jest/globals';
import { noHeaders } from '../record.ts';
import { committedFilter } from './committed-filter.ts';
import type { AbortedTransaction } from './committed-filter.ts';
import type { ReadBatch } from './record-batch.ts';

interface Given {
  readonly offset: number;
  readonly producer: number;
  readonly is: 'data' | 'plain' | 'abort' | 'commit' | 'empty marker';
}

function batch({ offset, producer, is }: Given): ReadBatch {
  const control = is !== 'data' && is !== 'plain';
  const key = is === 'abort' || !control ? Buffer.from([0, 0, 0, 0]) : Buffer.from([0, 0, 0, 1]);
  const record = { key, value: null, headers: noHeaders, timestamp: 0, offset };
  const records = is === 'empty marker' ? [] : [record];
  const head = { baseOffset: offset, nextOffset: offset + 1, producerId: producer, transactional: is !== 'plain', control };
  return { ...head, newest: 0, bytes: Buffer.alloc(0), records: () => records };
}

function visible(log: readonly [number, number, Given['is']][], aborted: readonly [number, number][]): readonly number[] {
  const list: AbortedTransaction[] = aborted.map(([producerId, firstOffset]) => ({ producerId, firstOffset }));
  const isCommitted = committedFilter(list);
  const batches = log.map(([offset, producer, is]) => batch({ offset, producer, is }));
  return batches.filter(isCommitted).map(({ baseOffset }) => baseOffset);
}

describe('committedFilter', () => {
  it('hides overlapping aborted transactions, listed in the order of their ends', () => {
    const log: [number, number, Given['is']][] = [
      [10, 1, 'data'],
      [11, 2, 'data'],
      [12, 2, 'abort'],
      [13, 1, 'data'],
      [14, 1, 'abort'],
      [15, 3, 'data'],
    ];
    const aborted: [number, number][] = [
      [2, 11],
      [1, 10],
    ];
    expect(visible(log, aborted)).toEqual([15]);
  });

  it('hides what belongs to several transactions that began before the fetch', () => {
    const log: [number, number, Given['is']][] = [
      [20, 2, 'data'],
      [21, 1, 'data'],
      [22, 1, 'abort'],
      [23, 2, 'abort'],
    ];
    expect(
      visible(log, [
        [1, 5],
        [2, 6],
      ]),
    ).toEqual([]);
  });

  it('lets a producer go on after its abort, and others all the time', () => {
    const log: [number, number, Given['is']][] = [
      [1, 1, 'data'],
      [2, 9, 'data'],
      [3, 7, 'plain'],
      [4, 1, 'abort'],
      [5, 1, 'data'],
      [6, 1, 'commit'],
    ];
    expect(visible(log, [[1, 1]])).toEqual([2, 3, 5]);
  });

  it('knows a marker by its batch, not by a key of zeros, and survives one that compaction has emptied', () => {
    const log: [number, number, Given['is']][] = [
      [30, 1, 'data'],
      [31, 1, 'data'],
      [32, 2, 'empty marker'],
      [33, 1, 'abort'],
    ];
    expect(visible(log, [[1, 30]])).toEqual([]);
  });
});
