import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { decodeClaim, encodeClaim } from './claims.ts';
import type { Claim, Liveness, SourceClock } from './contract.ts';
import { ProgressTable } from './progress.ts';
import {
  type BatchEnd,
  type BatchMark,
  type BatchWord,
  completeUpTo,
  mergeBatches,
  STRAGGLERS_MS,
  withWord,
} from './source-batches.ts';
import { sourceWatermark } from './source-clock.ts';
import { SOURCE } from './stages.ts';

const none = Number.NEGATIVE_INFINITY;
const marked = (...words: readonly BatchWord[]): BatchMark => {
  const mark = words.reduce<BatchMark | undefined>(withWord, undefined);
  if (!mark) throw new Error('no words');
  return mark;
};
const row = (asOf: number, at: number): BatchWord => ({ asOf, at, ends: false });
const end = (asOf: number, at: number): BatchWord => ({ asOf, at, ends: true });
const later = STRAGGLERS_MS + 1;

describe('a batch', () => {
  it('that must be told to have ended is complete when its end has been read, and what was sent beside it', () => {
    const [one, other] = [marked(row(100, 1000), end(100, 2000)), marked(row(100, 1500))];
    const marker = { kind: 'marker' } as const;
    expect(completeUpTo([one, other], 2000 + STRAGGLERS_MS, marker)).toBe(none);
    expect(completeUpTo([one, other], 2000 + later, marker)).toBe(100);
    expect(completeUpTo([other], 1e9, marker)).toBe(none);
    expect(completeUpTo([marked(end(100, 2000), row(200, 9000))], 1e9, marker)).toBe(100);
  });

  it('is complete with the first record of the next one, whichever task reads it', () => {
    const [one, other] = [marked(row(100, 1000)), marked(row(100, 1100), row(200, 9000))];
    expect(completeUpTo([one], 1e9, { kind: 'next' })).toBe(none);
    expect(completeUpTo([one, other], 9000 + STRAGGLERS_MS, { kind: 'next' })).toBe(none);
    expect(completeUpTo([one, other], 9000 + later, { kind: 'next' })).toBe(100);
  });

  it('is complete after so long without a record of it', () => {
    const quiet = { kind: 'quiet', quietMs: 60_000 } as const;
    const marks = [marked(row(100, 1000)), marked(row(100, 3000))];
    expect(completeUpTo(marks, 63_000, quiet)).toBe(none);
    expect(completeUpTo(marks, 63_001, quiet)).toBe(100);
    expect(completeUpTo([...marks, marked(row(200, 70_000))], 70_000 + later, quiet)).toBe(100);
  });

  it('that is sent again, or comes after a newer one, moves nothing', () => {
    const told = marked(row(100, 1000), row(200, 2000), end(200, 3000));
    for (const again of [row(200, 90_000), row(100, 90_000), end(200, 90_000), end(100, 90_000)]) {
      const mark = withWord(told, again);
      expect(completeUpTo([mark], 1e9, { kind: 'marker' })).toBe(200);
      expect(completeUpTo([mark], 1e9, { kind: 'next' })).toBe(100);
    }
  });

  it('is the same in whatever order and parts it is read', () => {
    const words = fc.array(fc.record({ asOf: fc.integer({ min: 1, max: 5 }), at: fc.nat(50), ends: fc.boolean() }), {
      minLength: 1,
    });
    fc.assert(
      fc.property(words, fc.nat(), (all, seed) => {
        const shuffled = all.toSorted((a, b) => ((a.asOf * 31 + a.at * 17 + seed) % 7) - ((b.asOf * 31 + b.at * 17 + seed) % 7));
        expect(marked(...shuffled)).toEqual(marked(...all));
        const cut = seed % all.length;
        const halves = [all.slice(0, cut), all.slice(cut)].map((part) => (part.length === 0 ? undefined : marked(...part)));
        expect(mergeBatches(halves[0], halves[1])).toEqual(marked(...all));
      }),
    );
  });

  it('survives the control topic', () => {
    const claim: Claim = { stage: 'a', task: '1', source: 's', at: 5, sign: 4, batch: marked(row(100, 1000)) };
    expect(decodeClaim('a|1|s', encodeClaim(claim))).toEqual(claim);
    expect(decodeClaim('a|1|s', encodeClaim({ ...claim, ended: true }))).toEqual({ ...claim, ended: true });
  });
});

describe('the watermark of a source', () => {
  const liveness = (ends: BatchEnd): Liveness => ({ kind: 'batch', ends, vouched: false });
  const table = (...claims: readonly Claim[]): ProgressTable => {
    const progress = new ProgressTable();
    for (const claim of claims) progress.apply(`${claim.stage}|${claim.task}|${claim.source}`, encodeClaim(claim), 0);
    return progress;
  };
  const clock: SourceClock = { source: 's', liveness: liveness({ kind: 'marker' }), latenessMs: 3_600_000 };
  const read = (task: string, at: number, ...words: readonly BatchWord[]): Claim => ({
    stage: 'tag',
    task,
    source: 's',
    at,
    ...(words.length > 0 ? { batch: marked(...words) } : {}),
  });

  it('that comes in batches is the as-of of the last complete one, once all tasks have read that far', () => {
    expect(sourceWatermark(table(read('0', 9999, end(100, 1000)), read('1', 1000)), clock, 'tag', 2).at).toBe(none);
    expect(sourceWatermark(table(read('0', 9999, end(100, 1000)), read('1', 9999)), clock, 'tag', 2)).toEqual({
      at: 100,
      ended: false,
    });
    expect(sourceWatermark(table(read('0', 9999, end(100, 1000))), clock, 'tag', 2).at).toBe(none);
  });

  it('is never beyond what feeds it, and never goes back', () => {
    const fed = { ...clock, feeders: [{ name: 'tills', upTo: (at: number) => Math.floor(at / 60) * 60, isSource: false }] };
    const claims = [read('0', 9999, end(100, 1000))];
    expect(sourceWatermark(table(...claims), fed, 'tag', 1).at).toBe(60);
    const told: Claim = { stage: SOURCE, task: '0', source: 's', at: 80 };
    expect(sourceWatermark(table(...claims, told), fed, 'tag', 1).at).toBe(80);
  });

  it('is not beyond that of another source that feeds it, until that one has ended', () => {
    const fed = { ...clock, feeders: [{ name: 'phone', upTo: (at: number) => at, isSource: true }] };
    const own = read('0', 9999, end(100, 1000));
    const phone: Claim = { stage: SOURCE, task: '0', source: 'phone', at: 70 };
    expect(sourceWatermark(table(own), fed, 'tag', 1).at).toBe(none);
    expect(sourceWatermark(table(own, phone), fed, 'tag', 1).at).toBe(70);
    expect(sourceWatermark(table(own, { ...phone, ended: true }), fed, 'tag', 1).at).toBe(100);
  });
});
