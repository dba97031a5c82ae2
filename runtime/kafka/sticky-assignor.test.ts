import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { assignSticky } from './sticky-assignor.ts';
import type { StickyMember } from './sticky-assignor.ts';

function member(id: string, current: readonly number[] = [], owned: readonly number[] = [], generation = 1): StickyMember {
  return { id, generation, current, owned };
}

const assigned = (tasks: number, ...members: StickyMember[]): Record<string, readonly number[]> =>
  Object.fromEntries(assignSticky(tasks, members));

const claims = fc.uniqueArray(fc.nat({ max: 20 }), { maxLength: 12 });
const anyMember = fc.record({ generation: fc.integer({ min: -1, max: 5 }), current: claims, owned: claims });
const members = fc
  .array(anyMember, { minLength: 1, maxLength: 6 })
  .map((list) => list.map((claim, index): StickyMember => ({ id: `m${index}`, ...claim })));

describe('assignSticky', () => {
  it('gives each task to exactly one member, and nobody two more than another', () => {
    fc.assert(
      fc.property(fc.nat({ max: 16 }), members, (tasks, members) => {
        const shares = [...assignSticky(tasks, members).values()];
        expect(shares.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: tasks }, (_, task) => task));
        const loads = shares.map(({ length }) => length);
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('depends on neither chance nor the order of the members', () => {
    fc.assert(
      fc.property(fc.nat({ max: 16 }), members, (tasks, members) => {
        expect(assignSticky(tasks, members.toReversed())).toEqual(assignSticky(tasks, members));
      }),
    );
  });

  it('moves nothing when nothing has changed', () => {
    fc.assert(
      fc.property(fc.nat({ max: 16 }), members, (tasks, members) => {
        const first = assignSticky(tasks, members);
        const again = members.map(({ id }) => member(id, first.get(id)));
        expect(assignSticky(tasks, again)).toEqual(first);
      }),
    );
  });

  it('takes from the members there only what a new one needs', () => {
    const before = assigned(8, member('a'), member('b'), member('c'));
    const after = assigned(8, member('a', before['a']), member('b', before['b']), member('c', before['c']), member('d'));
    for (const id of ['a', 'b', 'c']) expect(before[id]).toEqual(expect.arrayContaining([...(after[id] ?? [])]));
    expect(after['d']).toHaveLength(2);
  });

  it('gives a returning member what it has on disk, out of what the others have too much', () => {
    expect(assigned(4, member('a', [0, 1, 2, 3]), member('b', [], [1, 2]))).toEqual({ a: [0, 3], b: [1, 2] });
  });

  it('believes the newer claim when two members hold one task', () => {
    const zombie = member('a', [0, 1], [], 3);
    const owner = member('b', [0, 1], [], 7);
    expect(assigned(3, zombie, owner)['b']).toEqual([0, 1]);
  });
});
