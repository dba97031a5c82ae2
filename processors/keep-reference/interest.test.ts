import { describe, expect, it } from '@jest/globals';
import type { KeyState, Marks } from '../../runtime/processor.ts';
import type { TableInterest } from '../../schemas/config.ts';
import { type Interested, noteInterest } from './interest.ts';

const interest: TableInterest = { events: ['Seen'], key: 'sku', withinMs: 100, most: 3 };
const someone = (who: string, at: number): Interested => ({ who, identifier: { kind: 'user_id', value: who }, at });

class Parts implements KeyState {
  readonly all = new Map<string, unknown>();
  marks: Marks | undefined;
  get = <T>(part: string): T | undefined => this.all.get(part) as T | undefined;
  set = <T>(part: string, value: T, marks?: Marks): void => {
    this.all.set(part, value);
    this.marks = marks;
  };
  delete = (part: string): void => void this.all.delete(part);
  parts = (): readonly string[] => [...this.all.keys()].sort();
}

describe('an interest', () => {
  it('is new once, and again after it has ended', () => {
    const state = new Parts();
    expect(noteInterest(state, interest, someone('ann', 10), 10).isNew).toBe(true);
    expect(noteInterest(state, interest, someone('ann', 60), 60).isNew).toBe(false);
    expect(noteInterest(state, interest, someone('ann', 200), 200).isNew).toBe(true);
    expect(state.marks?.due).toEqual([{ clock: 'tick', at: 301 }]);
  });

  it('of too many is dropped where it is the oldest, and that is told', () => {
    const state = new Parts();
    for (const [i, who] of ['ann', 'bob', 'cas'].entries()) noteInterest(state, interest, someone(who, i), 10);
    expect(noteInterest(state, interest, someone('dan', 5), 10)).toEqual({ isNew: true, dropped: 1 });
    expect((state.all.get('i0') as Interested[]).map(({ who }) => who)).toEqual(['dan', 'cas', 'bob']);
  });

  it('that has ended before it is heard of is none', () => {
    const state = new Parts();
    expect(noteInterest(state, interest, someone('ann', 10), 500).isNew).toBe(false);
    expect(state.parts()).toEqual([]);
  });
});
