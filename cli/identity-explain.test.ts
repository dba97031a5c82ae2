import { describe, expect, it } from '@jest/globals';
import { assert, constantFrom, nat, property } from 'fast-check';
import { compileIdentity } from '../processors/stitch-identity/identity.ts';
import { history, namesOf, shuffled } from '../processors/stitch-identity/testing/history.ts';
import {
  eventOf,
  foundTimelines,
  keyOf,
  nodesOf,
  rulesWith,
  runWorld,
  secret,
} from '../processors/stitch-identity/testing/world.ts';
import type { TaggedEvent } from '../schemas/generated/types.ts';
import { explainIdentity, type Explanation, explanationLines, previewSplit } from './identity-explain.ts';

const [ada, ben, mail, browser] = ['user_id:ada', 'user_id:ben', 'email:ada@shop.example', 'anonymous_id:b1'];
const visitOf =
  (events: readonly TaggedEvent[]) =>
  async (visit: (event: TaggedEvent) => void): Promise<void> =>
    events.forEach(visit);
const why = (
  events: readonly TaggedEvent[],
  first: string,
  second: string,
  rules = rulesWith({ user_id: 1 }),
): Promise<Explanation> => explainIdentity(visitOf(events), { rules, secret }, first, second);

describe('an explanation', () => {
  it('is the way of events that linked the two, with time and source', async () => {
    const events = [eventOf('m2', 20, [browser, mail]), eventOf('m1', 10, [ada, mail]), eventOf('m3', 30, [ada, browser])];
    const found = await why(events, ada, browser);
    expect(found).toEqual({
      kind: 'one',
      path: [
        { from: ada, to: mail, at: 10, source: 'site', event: 'Looked Around', messageId: 'm1' },
        { from: mail, to: browser, at: 20, source: 'site', event: 'Looked Around', messageId: 'm2' },
      ],
    });
    expect(explanationLines(found, ada, browser)).toEqual([
      `${ada} and ${browser} are one customer`,
      `  1970-01-01T00:00:00.010Z  ${ada} - ${mail}  (Looked Around from site, m1)`,
      `  1970-01-01T00:00:00.020Z  ${mail} - ${browser}  (Looked Around from site, m2)`,
    ]);
  });

  it('says what the limits refused, who changed hands, and who links nobody', async () => {
    const events = [eventOf('m1', 10, [ada, mail]), eventOf('m2', 20, [ben, mail])];
    const refused = await why(events, ada, ben);
    expect(explanationLines(refused, ada, ben)[1]).toMatch(
      /user_id:ben - email:ada@shop\.example .*refused, one customer would have too many/,
    );
    const lent = [eventOf('m1', 10, [ada, browser]), eventOf('m2', 20, [ben, browser])];
    expect(await why(lent, ada, browser)).toMatchObject({ kind: 'two', moved: [{ from: browser, to: ben, at: 20 }] });
    expect(await why(lent, ben, browser)).toMatchObject({ kind: 'one', path: [{ messageId: 'm2' }] });
    const desk = Array.from({ length: 4 }, (_, i) => eventOf(`m${i}`, i, [`phone:${i}`, mail]));
    expect(await why(desk, 'phone:0', mail, compileIdentity({ max_neighbours: 3 }))).toMatchObject({
      kind: 'two',
      crowded: [mail],
    });
    expect(await why([], ada, ben)).toEqual({ kind: 'never linked' });
    expect(explanationLines({ kind: 'never linked' }, ada, ben)).toEqual([
      `${ada} and ${ben} were never seen together, not even over others`,
    ]);
  });

  it('knows whom an operator has set apart, and foretells what a split would do', async () => {
    const events = [eventOf('m1', 10, [ada, mail]), eventOf('m2', 20, [browser, mail]), eventOf('m3', 30, [ada, browser])];
    const options = { rules: rulesWith({ user_id: 1 }), secret };
    const preview = await previewSplit(visitOf(events), options, ada, browser);
    expect(preview).toMatchObject({ together: true, void: [{ messageId: 'm3' }, { messageId: 'm2' }] });
    expect(preview?.sides.map((names) => [...names].sort())).toEqual([[mail, ada].sort(), [browser]]);
    const between = [keyOf(ada), keyOf(browser)] as const;
    const commands = () => [{ id: 'w1', word: 'apart', occurredAt: 40, author: 'ann', reason: 'lent', between }] as const;
    const found = await explainIdentity(visitOf(events), { ...options, commands }, ada, browser);
    expect(explanationLines(found, ada, browser)).toEqual([
      `${ada} and ${browser} hang together, but are not one customer`,
      `  1970-01-01T00:00:00.020Z  ${mail} - ${browser}  (Looked Around from site, m2): refused, an operator has set them apart`,
      `  1970-01-01T00:00:00.040Z  ${ada} - ${browser}: set apart by ann: lent`,
    ]);
  });

  it('tells the truth: two are one customer exactly when the processor has made them one', async () => {
    const limits = constantFrom({ user_id: 1 }, { user_id: 1, email: 1 });
    const worlds: [seed: number, limits: Record<string, number>][] = [];
    assert(
      property(nat(), limits, (seed, most) => void worlds.push([seed, most])),
      { numRuns: 15 },
    );
    for (const [seed, most] of worlds) {
      const events = history(seed);
      const names = [...new Set(events.flatMap(namesOf))];
      const rules = rulesWith({ email: null, phone: null, ...most });
      const timelines = foundTimelines(nodesOf(runWorld(seed, shuffled(events, seed), { rules, rate: 0.2 })), names);
      const last = (name: string): string => timelines[name]?.split(', ').at(-1)?.replace(/^\S+ /, '') ?? '';
      for (const other of names) {
        const found = await why(events, names[0] ?? '', other, rules);
        const { kind } = found;
        const path = found.kind === 'one' ? found.path : [];
        const way = [names[0], ...path.map(({ to }) => to)];
        if (kind === 'one') expect([way.at(-1), path.map(({ from }) => from)]).toEqual([other, way.slice(0, -1)]);
        expect([seed, names[0], other, kind === 'one']).toEqual([seed, names[0], other, last(names[0] ?? '') === last(other)]);
      }
    }
  });
});
