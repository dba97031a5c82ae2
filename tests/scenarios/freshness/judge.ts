import type { Decision, Expected } from './model.ts';
import type { Play } from './play.ts';

export interface Verdict {
  readonly held: number;
  readonly released: number;
  readonly dropped: number;
  /** Carts that are said to have been left although they were ordered in time. */
  readonly falseAbsences: number;
  /** Messages that went out when the model would not have let them. */
  readonly wrongReleases: number;
  /** Everything else in which the two differ, in words. */
  readonly differences: readonly string[];
}

const inWords = ({ at, who, activation, kind }: Decision): string => `${kind} ${activation} of ${who} at minute ${at}`;
const goesOut = ({ kind }: Decision): boolean => kind === 'sent' || kind === 'released';

/** What was decided beside what must have been: the counts are those of the pipeline, and what differs is named. */
export function judge({ decisions, left }: Play, expected: Expected): Verdict {
  const [found, wanted] = [decisions.map(inWords), expected.decisions.map(inWords)];
  const unexpected = decisions.filter((each) => !wanted.includes(inWords(each)));
  const count = (...kinds: readonly Decision['kind'][]): number => decisions.filter(({ kind }) => kinds.includes(kind)).length;
  return {
    held: count('held'),
    released: count('released'),
    dropped: count('expired', 'outdated'),
    falseAbsences: left.filter((who) => expected.inTime.has(who)).length,
    wrongReleases: unexpected.filter(goesOut).length,
    differences: [
      ...unexpected.map((each) => `not expected: ${inWords(each)}`),
      ...wanted.filter((each) => !found.includes(each)).map((each) => `missing: ${each}`),
      ...found.filter((each, i) => found.indexOf(each) !== i).map((each) => `twice: ${each}`),
    ],
  };
}
