/**
 * 90. A night without stock.
 *
 * Two days in which a shop's stock comes by night, its prices by the hour, and its carts as they are filled. One night the stock
 * file breaks off, and one afternoon the gateway takes nothing. What becomes of each message is computed apart, from the script
 * alone; `npm run demo:freshness` tells the same.
 */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { judge } from '../scenarios/freshness/judge.ts';
import { expectedOf } from '../scenarios/freshness/model.ts';
import { type Play, play } from '../scenarios/freshness/play.ts';
import { nights, repeat, writeScript } from '../scenarios/freshness/script.ts';
import { ending, isRight, story } from '../scenarios/freshness/story.ts';

const script = writeScript(7);
const expected = expectedOf(script);
let played: Play;

beforeAll(async () => {
  played = await play(script);
});

describe('a night without stock', () => {
  it('holds what rests on it, releases what still stands and drops the rest, and no cart is called left', () => {
    const verdict = judge(played, expected);
    expect(verdict).toMatchObject({ differences: [], falseAbsences: 0, wrongReleases: 0 });
    expect(isRight(verdict)).toBe(true);
    expect(verdict.held).toBeGreaterThan(20);
    expect(verdict.released + verdict.dropped).toBe(verdict.held);
    const kinds = new Set(played.decisions.map(({ kind }) => kind));
    expect([...kinds].toSorted()).toEqual(['expired', 'held', 'outdated', 'released', 'sent']);
    // The trouble was there: orders that came after the wait although they were placed in time.
    expect(expected.inTimeButLate.size).toBeGreaterThan(2);

    const held = played.decisions.filter(({ kind, at }) => kind === 'held' && at > nights.failed && at < repeat.at);
    expect(held.map(({ record }) => record.reason)).toEqual(
      held.map(() => expect.stringMatching(/^stock is 1d\S+ old, 1d allowed$/)),
    );
    const statuses = played.statuses.map(({ report }) => `${report.source} ${report.before} ${report.status}`);
    expect(statuses).toEqual(['stock silent fresh', 'prices silent fresh', 'stock fresh stale', 'stock stale fresh']);
    expect(story(script, played).join('\n')).toMatch(
      /breaks off[^]*back-in-stock-mail held[^]*stock is stale[^]*sent anew[^]*released/,
    );
    expect(ending(verdict, played, expected).at(-1)).toMatch(
      /^held \d+, released \d+, dropped \d+, false-absences 0, wrong-releases 0$/,
    );
  });

  it('is judged wrong as soon as one message goes that should not, or one is missing', () => {
    const held = played.decisions.find(({ kind }) => kind === 'held');
    if (!held) throw new Error('nothing was held');
    const sent = { ...played, decisions: [...played.decisions, { ...held, kind: 'sent' as const }] };
    expect(judge(sent, expected)).toMatchObject({
      wrongReleases: 1,
      differences: [expect.stringMatching(/^not expected: sent/)],
    });
    const less = { ...played, decisions: played.decisions.filter((each) => each !== held) };
    expect(judge(less, expected).differences).toEqual([expect.stringMatching(/^missing: held/)]);
    const [inTime = ''] = expected.inTime;
    expect(judge({ ...played, left: [...played.left, inTime] }, expected).falseAbsences).toBe(1);
  });
});
