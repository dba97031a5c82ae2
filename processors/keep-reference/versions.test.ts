import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { type Said, take, type Versions } from './versions.ts';

const said = (asOf: number, value: number, id = `m${asOf}`): Said => ({
  from: asOf,
  asOf,
  messageId: id,
  values: JSON.stringify({ value }),
});
const fold = (all: readonly Said[]): Versions => all.reduce((versions: Versions, each) => take(versions, each).versions, []);

describe('what is said of a row', () => {
  it('replaces what was said before, which stays known', () => {
    const { took, versions } = take([said(1, 10)], said(2, 8));
    expect(took).toBe('changed');
    expect(versions).toEqual([said(2, 8), said(1, 10)]);
  });

  it('again makes the figure no newer thing, but a fresher one', () => {
    expect(take([said(1, 10)], said(5, 10))).toEqual({ took: 'confirmed', versions: [{ ...said(1, 10), asOf: 5 }] });
    expect(take([said(5, 10)], said(5, 10)).took).toBe('known');
  });

  it('late does not count as the newest', () => {
    const { took, versions } = take([said(5, 8)], said(2, 10));
    expect(took).toBe('late');
    expect(versions[0]).toEqual(said(5, 8));
  });

  it('is the same now in any order of arrival, and no more than eight versions are kept', () => {
    const facts = fc
      .uniqueArray(fc.nat(40), { minLength: 1, maxLength: 14 })
      .chain((times) => fc.tuple(...times.map((time) => fc.nat(3).map((value) => said(time, value)))))
      .chain((all) => fc.shuffledSubarray([...all], { minLength: all.length }));
    fc.assert(
      fc.property(facts, (all) => {
        const versions = fold(all);
        const newest = all.toSorted((a, b) => b.asOf - a.asOf)[0];
        expect(versions[0]).toMatchObject({ asOf: newest?.asOf, values: newest?.values });
        expect(versions.length).toBeLessThanOrEqual(8);
        expect(fold([...all, ...all])[0]).toEqual(versions[0]);
      }),
    );
  });
});
