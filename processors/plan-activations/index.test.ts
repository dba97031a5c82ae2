import { describe, expect, it } from '@jest/globals';
import { type Context, type Due, type Marks, TICK } from '../../runtime/processor.ts';
import type { SourceConfig } from '../../schemas/config.ts';
import type { FreshnessDemand } from '../../schemas/freshness-demand.ts';
import type { ActivationRequest, ActivationWithheld, MembershipChange, ProfileChange } from '../../schemas/generated/types.ts';
import { opaqueKey } from '../../schemas/keys.ts';
import { topics } from '../../schemas/topics.ts';
import { compileActivation } from './activation.ts';
import { planActivations } from './index.ts';

const secret = 'secret of a test';
const MINUTE = 60_000;
const sources = ['web', 'stock'].map((name): SourceConfig => ({
  name,
  description: '',
  owner: '',
  input: { kind: 'topic' },
  mode: 'live',
  cadence: { kind: 'realtime' },
  liveness: { kind: 'heartbeat' },
  latenessMs: 0,
  events: null,
  transform: null,
  timezone: 'UTC',
}));
const activation = compileActivation({
  activation: 'thanks',
  on: { segment: 'buyers' },
  channel: 'email',
  address: 'mail',
  template: 'thanks',
  data: { first_name: 'name' },
  valid_for: '10m',
});

interface Sent<T> {
  readonly key: string;
  readonly value: T;
}

class Customer {
  readonly requested: Sent<ActivationRequest>[] = [];
  readonly withheld: Sent<ActivationWithheld>[] = [];
  readonly counted: string[] = [];
  readonly parts = new Map<string, unknown>();
  readonly watermarks = new Map<string, number>();
  tick = 1_000_000;
  #due: readonly Due[] = [];
  readonly #processor;
  #offset = 0;

  constructor(activations = [activation]) {
    this.#processor = planActivations({ activations, sources, secret });
  }

  trait(trait: string, value: unknown, occurredAt = 0): void {
    const change: ProfileChange = {
      customer: 'c_1',
      trait,
      value: JSON.stringify(value),
      source: 'web',
      known: 'declared',
      occurredAt,
      messageId: 'm',
    };
    this.#record(topics.profilesChanges.name, change);
  }

  change(given: Partial<MembershipChange> = {}, kind = 'event'): void {
    const change: MembershipChange = {
      id: `change ${given.sequence ?? 1}`,
      customer: 'c_1',
      segment: 'buyers',
      version: 'sha256:0',
      change: 'entered',
      sequence: 1,
      effectiveAt: Date.UTC(2024, 0, 1, 10, 30),
      cause: { kind, messageId: 'm1', event: kind === 'timer' ? null : 'Order', after: null, corrects: null },
      proof: {
        now: Date.UTC(2024, 0, 1, 10, 31),
        lagMs: 5,
        sources: [{ source: 'web', watermark: 0, asOf: null, ageMs: null, status: 'fresh', link: null }],
        hops: [],
        tables: [],
      },
      ...given,
    };
    this.#record(topics.segmentsMembership.name, change);
  }

  merge(other: Customer): void {
    this.#processor.merge('c_1', 'c_2', other.parts, this.#context());
  }

  /** Time goes on: what is due is fired, once. Returns how many timers were. */
  passes(tick: number, seen: Readonly<Record<string, number>> = {}): number {
    this.tick = tick;
    for (const [source, at] of Object.entries(seen)) this.watermarks.set(source, at);
    const due = this.#due.filter(({ clock, at }) => at <= (clock === TICK ? tick : (this.watermarks.get(clock) ?? 0)));
    if (due.length > 0)
      this.#processor.onTimer?.({ key: 'c_1', part: 'h', clock: due[0]?.clock ?? '', at: due[0]?.at ?? 0 }, this.#context());
    return due.length;
  }

  #record(topic: string, value: unknown): void {
    this.#processor.process(
      { topic, partition: 0, offset: this.#offset++, timestamp: 0, key: 'c_1', value, headers: {} },
      this.#context(),
    );
  }

  #context(): Context {
    return {
      task: { processor: 'plan-activations', partition: 0 },
      state: {
        get: <T>(part: string) => this.parts.get(part) as T | undefined,
        set: (part, value, marks?: Marks) => {
          this.parts.set(part, structuredClone(value));
          if (part === 'h') this.#due = marks?.due ?? [];
        },
        delete: (part) => {
          this.parts.delete(part);
          if (part === 'h') this.#due = [];
        },
        parts: () => [...this.parts.keys()],
      },
      tick: this.tick,
      forward: (topic, key, value) => {
        if (topic.name === topics.activationsRequested.name) this.requested.push({ key, value: value as ActivationRequest });
        if (topic.name === topics.activationsWithheld.name) this.withheld.push({ key, value: value as ActivationWithheld });
      },
      reject: () => undefined,
      watermark: (source) => this.watermarks.get(source) ?? 0,
      vouch: () => undefined,
      endOf: () => undefined,
      clock: () => 0,
      count: (name, labels = {}) => void this.counted.push([name, ...Object.values(labels)].join(' ')),
    };
  }
}

describe('a change of membership', () => {
  it('becomes one request, to the newest address, with the data of the template and its because', () => {
    const one = new Customer();
    one.trait('mail', 'new@example.com', 20);
    one.trait('mail', 'old@example.com', 10);
    one.trait('name', 'Ada');
    one.trait('secret', 'not for messages');
    one.change();
    expect(one.requested).toHaveLength(1);
    const { key, value } = one.requested[0] as Sent<ActivationRequest>;
    expect(key).toBe(opaqueKey(secret, 'email', 'new@example.com'));
    expect(value).toMatchObject({
      activation: 'thanks',
      channel: 'email',
      to: 'new@example.com',
      template: 'thanks',
      data: '{"first_name":"Ada"}',
      membership: 'change 1',
      reason: 'Order at 2024-01-01T10:30:00.000Z: the customer entered buyers; web seen up to 2024-01-01T10:31:00.000Z',
      requestedAt: 1_000_000,
      occurredAt: Date.UTC(2024, 0, 1, 10, 30),
      expiresAt: 1_600_000,
    });
    expect(JSON.stringify([...one.parts])).not.toContain('not for messages');
  });

  it('is planned once, whatever is delivered twice', () => {
    const one = new Customer();
    one.trait('mail', 'a@example.com');
    one.change();
    one.change();
    one.change({ sequence: 2, change: 'left' });
    one.change({ sequence: 3 });
    expect(one.requested.map(({ value }) => value.membership)).toEqual(['change 1', 'change 3']);
    expect(new Set(one.requested.map(({ value }) => value.id)).size).toBe(2);
  });

  it('that comes from loaded history sends nothing, and says that it would have', () => {
    const one = new Customer();
    one.trait('mail', 'a@example.com');
    for (const [index, kind] of ['backfill', 'replay', 'merge', 'correction', 'timer'].entries())
      one.change({ sequence: index + 1 }, kind);
    expect(one.withheld.map(({ key, value }) => [key, value.gate, value.decision])).toEqual([
      ['c_1', 'cause', 'would-send'],
      ['c_1', 'cause', 'would-send'],
      ['c_1', 'cause', 'dropped'],
      ['c_1', 'cause', 'dropped'],
    ]);
    expect(one.withheld[0]?.value.reason).toBe('the membership changed because history is being loaded, which sends no message');
    expect(one.requested.map(({ value }) => value.reason)).toEqual([
      'time passed, and at 2024-01-01T10:30:00.000Z the customer entered buyers; web seen up to 2024-01-01T10:31:00.000Z',
    ]);
  });

  it('of any cause is planned for an activation that names it', () => {
    const one = new Customer([{ ...activation, onCauses: ['replay'] }]);
    one.trait('mail', 'a@example.com');
    one.change({}, 'replay');
    one.change({ sequence: 2 }, 'event');
    expect(one.requested).toHaveLength(1);
    expect(one.withheld.map(({ value }) => value.decision)).toEqual(['dropped']);
  });

  it('of a customer without an address is withheld, and says so', () => {
    const one = new Customer();
    one.trait('mail', 'a@example.com', 1);
    one.trait('mail', null, 2);
    one.change();
    expect(one.withheld.map(({ value }) => [value.gate, value.decision, value.reason])).toEqual([
      ['address', 'dropped', 'no address for email is known'],
    ]);
  });

  it('of another segment, or in the other direction, is not its business', () => {
    const one = new Customer();
    one.change({ segment: 'other' });
    one.change({ change: 'left' });
    expect([...one.requested, ...one.withheld, ...one.parts]).toEqual([]);
  });
});

describe('a merge', () => {
  it('brings the traits of both together, the newest of each', () => {
    const [one, other] = [new Customer(), new Customer()];
    one.trait('mail', 'old@example.com', 1);
    other.trait('mail', 'new@example.com', 2);
    other.trait('name', 'Ada', 2);
    one.merge(other);
    one.change();
    expect(one.requested.map(({ value }) => [value.to, value.data])).toEqual([['new@example.com', '{"first_name":"Ada"}']]);
  });
});

describe('a message that demands fresh facts', () => {
  const freshness: FreshnessDemand = { maxAgeMs: { stock: 10 * MINUTE }, beyond: 'hold' };
  const start = Date.UTC(2024, 0, 1, 12);
  const customerOf = (given: Partial<FreshnessDemand> = {}): Customer => {
    const one = new Customer([{ ...activation, freshness: { ...freshness, ...given } }]);
    one.trait('mail', 'a@example.com');
    one.watermarks.set('stock', start - 180 * MINUTE).set('web', start);
    one.tick = start;
    return one;
  };

  it('waits for them, says for what, and goes when they have come, with their age in its proof', () => {
    const one = customerOf();
    one.change();
    expect(one.withheld.map(({ value }) => [value.gate, value.decision, value.reason])).toEqual([
      ['freshness', 'held', 'stock is 3h old, 10m allowed'],
    ]);
    expect(one.passes(start + MINUTE)).toBe(0);
    expect(one.passes(start + 2 * MINUTE, { stock: start - 9 * MINUTE })).toBe(1);
    // It has come as far as was asked for at first; two minutes later that is still not enough.
    expect(one.requested).toEqual([]);
    expect(one.passes(start + 3 * MINUTE, { stock: start })).toBe(1);
    expect(one.requested.map(({ value }) => [value.membership, value.id, value.expiresAt])).toEqual([
      ['change 1', one.withheld[0]?.value.id, start + 10 * MINUTE],
    ]);
    expect(one.requested[0]?.value.proof.sources).toEqual([
      expect.objectContaining({ source: 'web' }),
      { source: 'stock', watermark: start, asOf: start, ageMs: 3 * MINUTE, status: 'fresh', link: null },
    ]);
    expect(one.withheld).toHaveLength(1);
    expect(one.parts.has('h')).toBe(false);
  });

  it('is not counted as ungated; one that demands nothing is, with its proof, when it goes and not when it is withheld', () => {
    const gated = customerOf();
    gated.passes(start, { stock: start });
    gated.change();
    expect([gated.requested.length, gated.counted]).toEqual([1, []]);

    const free = new Customer();
    free.change();
    expect(free.counted).toEqual([expect.stringMatching(/^withheld thanks/)]);
    free.trait('mail', 'a@example.com');
    free.change({ sequence: 2 });
    expect(free.counted.slice(1)).toEqual(['ungated thanks']);
    expect(free.requested.map(({ value }) => value.proof.sources.map(({ source }) => source))).toEqual([['web']]);
  });

  it('does not go after it has expired, and says so', () => {
    const one = customerOf();
    one.change();
    expect(one.passes(start + 10 * MINUTE)).toBe(1);
    expect(one.withheld.at(-1)?.value).toMatchObject({
      decision: 'dropped',
      gate: 'freshness',
      reason: 'held until it was no longer valid: stock is 3h10m old, 10m allowed',
    });
    expect(one.passes(start + 20 * MINUTE, { stock: start + 20 * MINUTE })).toBe(0);
    expect(one.requested).toEqual([]);
  });

  it('does not go when its facts have come only after it has expired', () => {
    const one = customerOf();
    one.change();
    one.passes(start + 11 * MINUTE, { stock: start + 11 * MINUTE });
    expect(one.requested).toEqual([]);
    expect(one.withheld.at(-1)?.value).toMatchObject({ decision: 'dropped', reason: 'held until it was no longer valid' });
  });

  it('does not go when the membership behind it has ended', () => {
    const one = customerOf();
    one.change();
    one.change({ sequence: 2, change: 'left' });
    expect(one.withheld.map(({ value }) => [value.decision, value.reason])).toEqual([
      ['held', 'stock is 3h old, 10m allowed'],
      ['dropped', 'held until it was outdated: the customer has left buyers since'],
    ]);
    expect(one.passes(start, { stock: start })).toBe(0);
    expect(one.requested).toEqual([]);
  });

  it('is dropped, or sent all the same with the reason, where the activation says so', () => {
    const dropping = customerOf({ beyond: 'drop' });
    dropping.change();
    expect(dropping.withheld.map(({ value }) => value.decision)).toEqual(['dropped']);
    const sending = customerOf({ beyond: 'send_anyway' });
    sending.change();
    expect(sending.requested[0]?.value.reason).toMatch(/; sent although stock is 3h old, 10m allowed$/);
  });

  it('waits for a source that was never heard of, and not for one that has ended', () => {
    const one = customerOf();
    one.watermarks.set('stock', Number.NEGATIVE_INFINITY);
    one.change();
    expect(one.withheld[0]?.value.reason).toBe('stock has not been heard of, 10m allowed');
    one.passes(start, { stock: Number.POSITIVE_INFINITY });
    expect(one.requested).toHaveLength(1);
  });

  it('goes on waiting with the winner of a merge, under its own id', () => {
    const [one, other] = [customerOf(), customerOf()];
    other.change({ customer: 'c_2', id: 'change of c_2' });
    one.merge(other);
    one.passes(start, { stock: start });
    expect(one.requested.map(({ value }) => [value.customer, value.id])).toEqual([['c_1', other.withheld[0]?.value.id]]);
  });
});

describe('a message that may wait for what others still have to tell', () => {
  const waiting = compileActivation({
    activation: 'thanks',
    on: { segment: 'buyers' },
    channel: 'email',
    address: 'mail',
    template: 'thanks',
    data: { weather: 'weather', degrees: '=traits.degrees + 1' },
    wait: { for: ['weather'], at_most: '2s' },
    valid_for: '10m',
  });
  const start = 1_000_000;
  const customerOf = (): Customer => {
    const one = new Customer([waiting]);
    one.trait('mail', 'a@example.com');
    one.trait('degrees', 20);
    one.change();
    return one;
  };

  it('goes with it as soon as it is known, once', () => {
    const one = customerOf();
    expect(one.withheld.map(({ value }) => [value.gate, value.decision, value.reason])).toEqual([
      ['enrichment', 'held', 'waits for weather, which may still come'],
    ]);
    one.tick = start + 800;
    one.trait('weather', 'rain', 5);
    expect(one.requested.map(({ value }) => JSON.parse(value.data) as unknown)).toEqual([{ weather: 'rain', degrees: 21 }]);
    expect(one.passes(start + 2000)).toBe(0);
    one.trait('weather', 'sun', 6);
    expect(one.requested).toHaveLength(1);
  });

  it('goes without it when its time is over', () => {
    const one = customerOf();
    expect(one.passes(start + 1999)).toBe(0);
    expect(one.passes(start + 2000)).toBe(1);
    expect(one.requested.map(({ value }) => JSON.parse(value.data) as unknown)).toEqual([{ degrees: 21 }]);
  });
});
