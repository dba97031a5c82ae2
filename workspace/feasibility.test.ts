import { describe, expect, it } from '@jest/globals';
import { compileActivation } from '../processors/plan-activations/activation.ts';
import { segmentCompiler } from '../processors/evaluate-segments/segment.ts';
import type { SourceConfig } from '../schemas/config.ts';
import { cadenceOf, type CadenceYaml } from '../schemas/source-cadence.ts';
import { agesOf, feasibility } from './feasibility.ts';

const HOUR = 3_600_000;
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

  it('of a batch counts from its end, and grows with what feeds it', () => {
    const liveness = { kind: 'batch', ends: { kind: 'marker' }, vouched: false } as const;
    const poll = { ...nightly, cadence: { kind: 'every', intervalMs: HOUR }, liveness } as const;
    expect(agesOf(poll)).toEqual({ bestMs: 6000, worstMs: HOUR + 11_000 });
    const fed = (cadence: CadenceYaml) => agesOf({ ...poll, fedBy: [{ name: 'tills', cadence: cadenceOf(cadence, 'UTC', []) }] });
    expect(fed({ nightly: { at: '02:00' } })).toEqual({ bestMs: 6000, worstMs: 26 * HOUR + 11_000 });
    expect(fed({ every: '6h' })).toEqual({ bestMs: 6 * HOUR + 6000, worstMs: 7 * HOUR + 11_000 });
    expect(fed('realtime')).toEqual(agesOf(poll));
  });

  it('is never less than that of the sources that feed it, however long the chain', () => {
    const fedBy = (name: string) => [{ name, cadence: cadenceOf('realtime', 'UTC', []) }];
    const tills = source('tills', { fedBy: [{ name: 'branches', cadence: cadenceOf('nightly', 'UTC', []) }] });
    const relay = source('relay', { fedBy: fedBy('tills') });
    const shelf = source('shelf', { fedBy: fedBy('relay') });
    const all = [shelf, relay, tills];
    expect(agesOf(shelf, all)).toEqual(agesOf(tills));
    expect(agesOf(shelf, all)).toEqual({ bestMs: 24 * HOUR + 6000, worstMs: 24 * HOUR + 6000 });
    expect(agesOf(shelf, [shelf, relay, { ...tills, mode: 'backfill' }])).toEqual(agesOf(source('shelf')));
    expect(feasibility([], [demanding({ shelf: '1h' })], all).map(({ verdict }) => verdict)).toEqual(['never']);
  });

  it('is told of messages that demand nothing as well, by the sources of their segment', () => {
    const segment = segmentCompiler()({ segment: 'any', when: { count: { of: 'Seen', at_least: 1 } } });
    const mail = compileActivation({
      activation: 'mail',
      on: { segment: 'any' },
      channel: 'email',
      address: 'email',
      template: 'mail',
      valid_for: '1h',
    });
    const rows = feasibility([segment], [mail], [source('web', { events: ['Seen'] }), { ...nightly, events: ['Counted'] }]);
    expect(rows.map(({ kind, source: name, verdict }) => `${kind} ${name} ${verdict}`)).toEqual([
      'segment web ungated',
      'activation web ungated',
    ]);
  });

  it('is that which a segment demands as well, also of sources that its rule does not hear', () => {
    const segment = segmentCompiler()({
      segment: 'any',
      when: { count: { of: 'Seen', at_least: 1 } },
      max_age: { stock: '10m', web: '1m' },
    });
    const sources = [source('web', { events: ['Seen'] }), { ...nightly, events: ['Counted'] }];
    expect(feasibility([segment], [], sources).map(({ source: name, verdict }) => `${name} ${verdict}`)).toEqual([
      'web always',
      'stock sometimes',
    ]);
  });

  it('does not concern history, which is not stale', () => {
    expect(feasibility([], [demanding({ stock: '5s' })], [{ ...nightly, mode: 'replay' }])).toEqual([]);
  });
});
