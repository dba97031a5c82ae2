import { describe, expect, it } from '@jest/globals';
import { KeySimulation, seededRandom } from '../../../runtime/handover-simulation.ts';
import type { IdentityReview, IdentityJudgement, Resemblance, TaggedEvent } from '../../../schemas/generated/types.ts';
import { topics } from '../../../schemas/topics.ts';
import { pairsOf } from '../fuzzy/match.ts';
import { personOf, type PersonText } from '../fuzzy/person.ts';
import { compileFuzzy, type FuzzyConfig } from '../fuzzy/rules.ts';
import { stitchIdentity } from '../index.ts';
import { runs, shuffled } from '../testing/history.ts';
import { eventOf, keyOf, nodesOf, primaryOf, rulesWith, secret } from '../testing/world.ts';
import { findLookalikes } from './index.ts';
import { judgementsIn } from './pairs.ts';

const compiled = compileFuzzy({});
if (!compiled) throw new Error('there is a fuzzy step');
const fuzzy: FuzzyConfig = compiled;
const rules = { ...rulesWith({}), fuzzy };

const traitsOf = ({ given, family, birth, street, city, phone, email }: PersonText): string =>
  JSON.stringify({ firstName: given, lastName: family, birthday: birth, address: { street, city }, phone, email });
const mary: PersonText = { given: 'Masha', family: 'Kelley', birth: '1990-08-20', street: '12 Mill Lane', city: 'Norwich' };

class World {
  readonly simulation: KeySimulation;
  readonly #random: () => number;

  constructor(seed: number, config: FuzzyConfig = fuzzy) {
    this.#random = seededRandom(seed);
    const processors = [stitchIdentity({ secret, identity: rules }), findLookalikes({ secret, identity: rules, fuzzy: config })];
    this.simulation = new KeySimulation({ processors, random: this.#random });
  }

  play(events: readonly TaggedEvent[]): this {
    for (const event of events) {
      while (this.#random() > 0.3 && this.simulation.step());
      this.simulation.send(topics.eventsTagged, primaryOf(event), event);
    }
    this.simulation.run();
    return this;
  }

  judge(judgement: Omit<IdentityJudgement, 'judgedAt'>, judgedAt = 0): void {
    this.simulation.send(topics.identityJudgements, judgement.customer, { ...judgement, judgedAt });
    this.simulation.run();
  }

  customer(name: string): string {
    return nodesOf(this.simulation)(keyOf(name))?.timeline?.at(-1)?.[1] ?? '';
  }

  /** The last value of each key. */
  #table<V>(topic: string): V[] {
    const last = new Map(
      this.simulation.sent.filter((sent) => sent.topic === topic).map(({ key, value }) => [key, value as V | null]),
    );
    return [...last.values()].filter((value) => value !== null);
  }

  get reviews(): readonly IdentityReview[] {
    return this.#table(topics.identityReview.name);
  }

  /** `customer other`, each pair from both ends, with the confidence. */
  get links(): readonly string[] {
    const rows = this.#table<Resemblance>(topics.identityResembles.name);
    return rows
      .flatMap(({ customer, others }) => others.map((other) => `${customer} ${other.customer} ${other.confidence.toFixed(6)}`))
      .sort();
  }
}

const say = (id: string, at: number, names: readonly string[], text: PersonText): TaggedEvent =>
  eventOf(id, at, names, { type: 'identify', traits: traitsOf(text) });

describe('customers who look alike', () => {
  const two = [say('m1', 1, ['email:a'], mary), say('m2', 2, ['anonymous_id:b'], { ...mary, given: 'M', family: 'Kelly' })];

  it('resemble each other, with the confidence, and stay two', () => {
    const world = new World(1).play(two);
    const [a, b] = [world.customer('email:a'), world.customer('anonymous_id:b')];
    expect(a).not.toBe(b);
    expect(world.links.map((link) => link.slice(0, link.lastIndexOf(' ')))).toEqual([`${a} ${b}`, `${b} ${a}`].sort());
    expect(Number(world.links[0]?.split(' ')[2])).toBeGreaterThan(0.95);
    expect([world.reviews, world.simulation.rejected]).toEqual([[], []]);
  });

  it('do not when each has an account of its own', () => {
    const world = new World(1).play(two.map((event, i) => ({ ...event, identifiers: [{ kind: 'user_id', value: `u${i}` }] })));
    expect([world.links, world.reviews]).toEqual([[], []]);
  });

  it('resemble nobody any more when a link has made them one, or what was said has changed', () => {
    const merged = new World(2).play([...two, eventOf('m3', 3, ['email:a', 'anonymous_id:b'])]);
    expect([merged.customer('email:a') === merged.customer('anonymous_id:b'), merged.links]).toEqual([true, []]);
    const other = { given: 'Otto', family: 'Wood', birth: '1951-02-03', street: '1 Hill Road', city: 'Leeds' };
    expect(new World(3).play([...two, say('m3', 3, ['anonymous_id:b'], other)]).links).toEqual([]);
  });

  it('wait for somebody to look at them when it is likely only, and then it is as that one says', () => {
    const phone = { family: 'Kelley', phone: '5551234567' };
    const world = new World(4).play([
      say('m1', 1, ['email:a'], phone),
      say('m2', 2, ['email:b'], { ...phone, phone: '1-555-123-4567' }),
    ]);
    const [review] = world.reviews;
    expect([world.links, world.reviews.length, review?.reason]).toEqual([[], 1, 'it is likely only']);
    expect(JSON.stringify(review)).not.toContain('5551234567');
    const { customer = '', other = '' } = review ?? {};
    world.judge({ customer, other, verdict: 'same' });
    expect([world.links.length, world.links[0]?.endsWith(' 1.000000'), world.reviews]).toEqual([2, true, []]);
    world.judge({ customer, other, verdict: 'different' });
    expect([world.links, world.reviews]).toEqual([[], []]);
    world.judge({ customer, other, verdict: 'open' });
    expect([world.links, world.reviews.length]).toEqual([[], 1]);
  });

  it('stay as somebody said when one of the two merges into another, whichever of them decides', () => {
    const phone = { family: 'Kelley', phone: '5551234567' };
    for (let seed = 1; seed <= runs(20); seed++)
      for (const verdict of ['same', 'different'] as const) {
        const account = `user_id:u${seed}`;
        const world = new World(seed).play([
          say('m1', 1, ['email:a'], phone),
          say('m2', 2, ['email:b'], phone),
          eventOf('m3', 3, [account]),
        ]);
        const { customer = '', other = '' } = world.reviews[0] ?? {};
        world.judge({ customer, other, verdict });
        // The merge lies before or behind the judgement on the other side of the network: both are on their way.
        const [before, merged] = [world.customer('email:b'), eventOf('m4', 4, [account, 'email:b'])];
        world.play([merged]);
        const [a, b] = [world.customer('email:a'), world.customer('email:b')];
        expect([b !== before, b, world.reviews, world.simulation.rejected]).toEqual([true, world.customer(account), [], []]);
        const links = verdict === 'same' ? [`${a} ${b} 1.000000`, `${b} ${a} 1.000000`].sort() : [];
        expect([seed, verdict, world.links]).toEqual([seed, verdict, links]);
        // Said of the old id it holds for the new one.
        const [first = '', second = ''] = [a, before].sort();
        world.judge({ customer: first, other: second, verdict: 'open' }, 5);
        expect([seed, world.links, world.reviews.length]).toEqual([seed, [], 1]);
      }
  });

  it('stay as an earlier version kept that somebody had said it, until more is said', () => {
    const kept = { 'c-ann': true, 'c-bob': { same: false, at: 7 } };
    expect(judgementsIn({ state: { get: () => kept } } as unknown as Parameters<typeof judgementsIn>[0])).toEqual({
      'c-ann': { same: true, at: 0 },
      'c-bob': { same: false, at: 7 },
    });
  });

  it('are not compared over what too many have in common, and that is told', () => {
    const world = new World(5, { ...fuzzy, maxBlock: 2 });
    world.play(
      [0, 1, 2, 3].map((i) => say(`m${i}`, i, [`email:${i}`], { family: 'Kelley', given: 'Masha', birth: `19${50 + i}-01-01` })),
    );
    const told = world.simulation.sent
      .filter(({ topic }) => topic === topics.identityChanges.name)
      .map(({ value }) => value as { kind: string });
    expect(told.filter(({ kind }) => kind === 'super-block').length).toBeGreaterThan(0);
  });

  it('cost no message when nothing new is said', () => {
    const world = new World(6).play(two);
    const before = world.simulation.messages;
    world.play(two.map((event, i) => ({ ...event, messageId: `again ${i}` })));
    // Each event once tagged and once identified.
    expect(world.simulation.messages - before).toBe(4);
  });
});

describe('weak links', () => {
  it('are a function of what was said, in every order of arrival', () => {
    for (let seed = 1; seed <= runs(15); seed++) {
      const { events, expected } = townOf(seed);
      const world = new World(seed).play(shuffled(events, seed + 1));
      expect(world.simulation.rejected).toEqual([]);
      expect([seed, world.links, world.reviews.map(({ customer, other }) => `${customer} ${other}`).sort()]).toEqual([
        seed,
        ...expected(world),
      ]);
    }
  });
});

/** Households of people of one to three names, who say bits of what they are; and what comes of it, computed from the whole. */
function townOf(seed: number): {
  events: readonly TaggedEvent[];
  expected: (world: World) => readonly [readonly string[], readonly string[]];
} {
  const random = seededRandom(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const people = Array.from({ length: 3 + Math.floor(random() * 6) }, (_, i) => ({
    names: ['email', 'anonymous_id', ...(random() < 0.3 ? ['user_id'] : [])].map((kind) => `${kind}:v${i}`),
    said: [] as { at: number; id: string; text: PersonText }[],
  }));
  const events: TaggedEvent[] = [];
  for (const { names, said } of people) {
    for (let n = 1 + Math.floor(random() * 3); n > 0; n--) {
      const whole: PersonText = {
        given: pick(['Masha', 'Maria', 'M', 'John', 'Jon']),
        family: pick(['Kelley', 'Kelly', 'Hill']),
        birth: pick(['1990-08-20', '1950-01-02']),
        street: pick(['12 Mill Lane', '7 High Street']),
        phone: pick(['5551234567', '5559876543']),
      };
      const text = Object.fromEntries(Object.entries(whole).filter(() => random() < 0.7)) as PersonText;
      const [at, id] = [events.length, `m${events.length}`];
      said.push({ at, id, text });
      events.push(say(id, at, [pick(names)], text));
    }
    for (const name of names.slice(1)) events.push(eventOf(`m${events.length}`, events.length, [names[0] ?? '', name]));
  }
  return {
    events,
    expected: (world) => {
      const texts = people.map(({ names, said }) => {
        const text = [...said].sort((a, b) => a.at - b.at).reduce<PersonText>((sum, each) => ({ ...sum, ...each.text }), {});
        return [
          world.customer(names[0] ?? ''),
          { person: personOf(text), account: names.some((name) => name.startsWith('user_id')) },
        ] as const;
      });
      const known = new Map(texts);
      const pairs = pairsOf(new Map(texts.map(([id, { person }]) => [id, person])), fuzzy).filter(
        ({ a, b }) => !(known.get(a)?.account && known.get(b)?.account),
      );
      const good = pairs.filter(({ score }) => score.probability >= fuzzy.link);
      const fit = (x: string, y: string) => good.find(({ a, b }) => (a === x && b === y) || (a === y && b === x))?.score.bits;
      const rival = (x: string, y: string, bits: number): boolean =>
        [...known.keys()].some((z) => z !== x && z !== y && (fit(x, z) ?? -99) > bits - 1 && fit(y, z) === undefined);
      const isSure = ({ a, b, score }: (typeof pairs)[number]): boolean =>
        score.bits >= 8 || !(rival(a, b, score.bits) || rival(b, a, score.bits));
      const linked = good.filter(isSure);
      const links = linked.flatMap(({ a, b, score }) =>
        [`${a} ${b}`, `${b} ${a}`].map((pair) => `${pair} ${score.probability.toFixed(6)}`),
      );
      const reviews = pairs.filter((pair) => !linked.includes(pair)).map(({ a, b }) => `${a} ${b}`);
      return [links.sort(), reviews.sort()];
    },
  };
}
