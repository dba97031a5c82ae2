import { describe, expect, it } from '@jest/globals';
import type { ReplayProgress } from '../connectors/sources/files/index.ts';
import { replayReport, type ReplayReport } from './replay-report.ts';

const read: ReplayProgress = {
  files: { done: 2, all: 2 },
  rows: 100,
  records: 30,
  written: 0,
  duplicates: 7,
  rejected: 2,
  skipped: { 'after the end': 5 },
  late: 0,
  eventTime: 0,
  rate: 10,
  ended: true,
};
const of = (...kinds: [string, Record<string, number>][]): ReadonlyMap<string, ReadonlyMap<string, number>> =>
  new Map(kinds.map(([kind, reasons]) => [kind, new Map(Object.entries(reasons))]));
const report: ReplayReport = {
  read,
  counts: new Map([
    ['tag-freshness', of(['in', { '': 30 }], ['skipped', { nobody: 3, 'too-small': 6 }], ['rejected', { '': 1 }])],
    ['stitch-identity', of(['in', { '': 20 }], ['duplicates', { '': 4 }])],
    ['customers', of(['in', { '': 16 }], ['withheld', { '': 9 }], ['unmatched', { '': 5 }], ['unmatched-undone', { '': 2 }])],
  ]),
  space: {
    segments: new Map([['regulars', { members: 3, entered: 5, left: 2 }]]),
    wouldSend: new Map([
      ['thanks', 4],
      ['hello', 5],
    ]),
    withheld: new Map(),
    requested: new Set(),
  },
  outcomes: new Map(),
};

describe('the report of a replay', () => {
  it('says what became of every row, record and event, by reason', () => {
    expect(replayReport(report)).toEqual([
      '100 rows of 2 files: 86 used, 7 repeated, 2 unusable, 5 not wanted (after the end 5)',
      '30 records made of them',
      '30 records: 20 events, 9 left out (too-small 6, nobody 3), 1 rejected',
      '20 events: 16 taken, 4 repeated',
      'unmatched: 3, counted by customers',
      'segment regulars: 3 members (+5 −2)',
      'messages: 0 sent, would have been 9 (hello 5, thanks 4)',
    ]);
  });

  it('tells what an earlier run had done, and how messages ended that were sent', () => {
    const lines = replayReport({
      ...report,
      read: { ...read, records: 50, written: 25 },
      outcomes: new Map([
        ['sent', 3],
        ['expired', 1],
      ]),
      space: { ...report.space, wouldSend: new Map(), withheld: new Map([['no address for email is known', 2]]) },
    });
    expect(lines.slice(1, 3)).toEqual([
      '50 records made of them, 25 of them by an earlier run',
      '30 records processed by this run: 20 events, 9 left out (too-small 6, nobody 3), 1 rejected',
    ]);
    expect(lines.slice(-3)).toEqual([
      'messages: 3 sent, would have been 0',
      'messages withheld: 2 (no address for email is known 2)',
      'messages expired: 1',
    ]);
  });
});
