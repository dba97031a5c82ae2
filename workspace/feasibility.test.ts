import { describe, expect, it } from '@jest/globals';
import { compileActivation } from '../processors/plan-activations/activation.ts';
import type { SourceConfig } from '../schemas/config.ts';
import { agesOf, feasibility } from './feasibility.ts';

const source = (name: string, given: Partial<SourceConfig> = {}): SourceConfig => ({
  name,
  description: '',
  owner: '',
  input: { kind: 'topic' },
  mode: 'live',
  cadence: { kind: 'realtime' },
  liveness: { kind: 'heartbeat' },
  latenessMs: 5000,
  events: null,
  transform: null,
  timezone: 'UTC',
  ...given,
});
const nightly = source('stock', { cadence: { kind: 'every', intervalMs: 86_400_000 } });
const demanding = (maxAge: Record<string, string>) =>
  compileActivation({
    activation: 'mail',
    on: { segment: 'any' },
    channel: 'email',
    address: 'email',
    template: 'mail',
    valid_for: '1h',
    max_age: maxAge,
  });

describe('the age of facts', () => {
  it('is lateness and hops at best, and grows until the next word of the source', () => {
    expect(agesOf(source('web'))).toEqual({ bestMs: 6000, worstMs: 6000 });
    expect(agesOf(nightly)).toEqual({ bestMs: 6000, worstMs: 86_406_000 });
  });

  it.each([
    ['25h', 'always'],
    ['10m', 'sometimes'],
    ['5s', 'never'],
  ])('of a nightly source meets max_age %s %s', (maxAge, verdict) => {
    expect(feasibility([], [demanding({ stock: maxAge })], [nightly]).map((row) => row.verdict)).toEqual([verdict]);
  });

  it('does not concern history, which is not stale', () => {
    expect(feasibility([], [demanding({ stock: '5s' })], [{ ...nightly, mode: 'replay' }])).toEqual([]);
  });
});
