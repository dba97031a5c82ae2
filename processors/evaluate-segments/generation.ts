import { seededAt, sweptAt } from '../../runtime/revision-times.ts';
import type { RulesConfig } from './index.ts';
import type { CompiledSegment } from './segment.ts';
import type { Born, Generation } from './world.ts';

/** What is kept of all rules as they stood together, so that they can go on deciding while others are prepared. */
export interface GenerationRecord {
  readonly number: number;
  /** Generation that was in force when this one came; 0: what was decided before generations were kept; null: nothing was. */
  readonly base: number | null;
  /** No customer was in a generation before this one when it came. */
  readonly turned: number;
  readonly born: Born;
  /** From when on leaves that were born in it know all that came; null: they know all that ever came. Epoch milliseconds. */
  readonly completeFrom: number | null;
}

/** In which generation each leaf is born: with the base, if that has kept it, else now. */
export function bornWith(segments: readonly CompiledSegment[], number: number, base: GenerationRecord | undefined): Born {
  const first = base === undefined ? 0 : number;
  return Object.fromEntries(segments.flatMap(({ leaves }) => leaves.map(({ hash }) => [hash, base?.born[hash] ?? first])));
}

/** Before generations were kept: the rules as they are, over the state that there was. */
export const beginning: GenerationRecord = { number: 0, base: null, born: {}, turned: 0, completeFrom: null };

/**
 * The generation in force when another comes: the newest, if by their claims all tasks were ready for it, else the one before it. What
 * tasks claim says nothing of any but the newest, as they claim more with each. Undefined: there is none.
 */
export function readyBy<R extends GenerationRecord>(records: readonly R[], claimed: number): R | GenerationRecord | undefined {
  const newest = records.at(-1);
  if (newest === undefined || newest.base === null || claimed >= seededAt(newest.number)) return newest;
  return newest.base === 0 ? beginning : records.find(({ number }) => number === newest.base);
}

/** No customer is in a generation before this one. */
export function turnedBy(records: readonly GenerationRecord[], claimed: number): number {
  const newest = records.at(-1);
  if (newest === undefined) return 0;
  return newest.base === null || claimed >= sweptAt(newest.number) ? newest.number : newest.turned;
}

/**
 * What the processor must know of the past for the newest of `records` (ascending): the generations that customers may still be in,
 * which are those that were in force, back to the last that all had turned to.
 */
export function rulesOf<R extends GenerationRecord>(
  records: readonly R[],
  claimed: number,
  segmentsOf: (record: R | GenerationRecord) => readonly CompiledSegment[],
): RulesConfig {
  const now = records.at(-1);
  if (now === undefined) return { number: 0, born: {}, former: [], isFirst: true };
  const find = (number: number | null): R | GenerationRecord | undefined =>
    number === 0 ? beginning : records.find((each) => each.number === number);
  const generation = (record: R | GenerationRecord): Generation => ({
    number: record.number,
    born: record.born,
    segments: segmentsOf(record),
  });
  const inForce: (R | GenerationRecord)[] = [];
  const turned = turnedBy(records, claimed);
  for (let at: R | GenerationRecord | undefined = now; at && at.number > turned;) {
    at = find(at.base);
    if (at) inForce.unshift(at);
  }
  const oldest = inForce[0]?.number ?? now.number;
  const given = records.filter((each) => each !== now && each.number > oldest && !inForce.includes(each));
  return {
    number: now.number,
    born: now.born,
    isFirst: now.base === null,
    former: inForce.map(generation),
    givenUp: given.map(generation),
  };
}
