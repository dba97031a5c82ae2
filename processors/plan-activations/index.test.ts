import { describe, expect, it } from '@jest/globals';
import type { Context } from '../../runtime/processor.ts';
import type { ActivationRequest, ActivationWithheld, MembershipChange, ProfileChange } from '../../schemas/generated/types.ts';
import { opaqueKey } from '../../schemas/keys.ts';
import { topics } from '../../schemas/topics.ts';
import { compileActivation } from './activation.ts';
import { planActivations } from './index.ts';

const secret = 'secret of a test';
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
  readonly parts = new Map<string, unknown>();
  readonly #processor;
  #offset = 0;

  constructor(activations = [activation]) {
    this.#processor = planActivations({ activations, secret });
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
        sources: [{ source: 'web', watermark: 0, asOf: null, ageMs: null, status: 'fresh' }],
        hops: [],
      },
      ...given,
    };
    this.#record(topics.segmentsMembership.name, change);
  }

  merge(other: Customer): void {
    this.#processor.merge('c_1', 'c_2', other.parts, this.#context());
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
        set: (part, value) => void this.parts.set(part, structuredClone(value)),
        delete: (part) => void this.parts.delete(part),
        parts: () => [...this.parts.keys()],
      },
      tick: 1_000_000,
      forward: (topic, key, value) => {
        if (topic.name === topics.activationsRequested.name) this.requested.push({ key, value: value as ActivationRequest });
        if (topic.name === topics.activationsWithheld.name) this.withheld.push({ key, value: value as ActivationWithheld });
      },
      reject: () => undefined,
      watermark: () => 0,
      endOf: () => undefined,
      clock: () => 0,
      count: () => undefined,
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
