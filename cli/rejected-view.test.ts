import { describe, expect, it } from '@jest/globals';
import type { Rejected } from '../runtime/record.ts';
import { readId, type RejectedEntry } from './rejected-log.ts';
import { details, ReasonTally, table } from './rejected-view.ts';

const rejected: Rejected = {
  topic: 'events.raw',
  partition: 2,
  offset: 4712,
  processor: 'tag-freshness',
  step: 'validate',
  reason: 'timestamp: expected a time',
  source: 'web',
  key: Buffer.from('k'),
  value: Buffer.from('{"userId":"ada"}'),
  headers: { source: Buffer.from('web') },
  timestamp: Date.UTC(2030, 0, 1, 3),
  rejectedAt: Date.UTC(2030, 0, 1, 3, 0, 1),
};
const entry = (offset: number, more: Partial<RejectedEntry> = {}, record: Partial<Rejected> = {}): RejectedEntry => ({
  id: `1/${offset}`,
  partition: 1,
  offset,
  key: null,
  rejected: { ...rejected, ...record },
  replayedAt: undefined,
  replayOf: undefined,
  ...more,
});

describe('the list of rejected records', () => {
  it('is a line each, cut to the terminal, the reason last', () => {
    const entries = [
      entry(7),
      entry(8, { replayedAt: 1 }, { offset: -1, partition: -1, processor: 'gateway', source: null }),
      entry(9, { replayOf: '1/8' }),
    ];
    expect(table(entries, 200)).toEqual([
      'ID   REJECTED              STEP                    SOURCE  WAS AT             STATE       REASON',
      '1/7  2030-01-01T03:00:01Z  tag-freshness validate  web     events.raw/2/4712  open        timestamp: expected a time',
      '1/8  2030-01-01T03:00:01Z  gateway validate        -       -                  replayed    timestamp: expected a time',
      '1/9  2030-01-01T03:00:01Z  tag-freshness validate  web     events.raw/2/4712  again, 1/8  timestamp: expected a time',
    ]);
    expect(table(entries, 20)[1]).toBe('1/7  2030-01-01T03:0');
    expect(table([], 80)).toEqual([]);
  });

  it('ends with how many there are by reason, places left out', () => {
    const tally = new ReasonTally();
    for (let at = 1; at < 4; at++) tally.add(entry(at, {}, { step: 'decode', reason: `not JSON at position ${at}` }));
    tally.add(entry(9));
    tally.add(entry(10, { replayedAt: 1 }));
    expect(tally.lines(1)).toEqual([
      '4 open, 1 replayed',
      '        3  web, tag-freshness decode: not JSON at position #  (last 2030-01-01T03:00:01Z)',
      '  and 1 other reasons',
    ]);
  });
});

describe('a rejected record', () => {
  it('is shown whole to whoever asks for it', () => {
    const text = details(entry(7), { kind: 'json', json: { userId: 'ada' } }).join('\n');
    for (const part of ['origin      events.raw/2/4712', 'timestamp: expected a time', '  source: web', '"userId": "ada"'])
      expect(text).toContain(part);
    expect(details(entry(7), { kind: 'hex', hex: 'ff00' }).slice(-2)).toEqual(['value (hex)', 'ff00']);
  });

  it('is named with or without the name of its topic', () => {
    expect(['1/7', ' events.rejected/1/7', 'mine.events.rejected/1/7', 'events.raw/1/7'].map(readId)).toEqual([
      '1/7',
      '1/7',
      '1/7',
      'events.raw/1/7',
    ]);
  });
});
