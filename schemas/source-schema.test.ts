import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { ConfigProblem } from './config.ts';
import { compileSource, sourceSchema } from './source-schema.ts';

const named = { source: 'tills', description: 'Tills of the branches', owner: 'sales' };
const compile = (more: Record<string, unknown>, env: Record<string, string> = {}) => compileSource({ ...named, ...more }, env);
const rule = { event: 'Sale', identifiers: { user_id: 'record.id' } };
const file = { format: 'csv', time: 'timestamp(record.at)' };

describe('compileSource', () => {
  it('gives an endpoint the defaults of a live feed, with its keys as hashes', () => {
    const hash = 'AB'.repeat(32);
    const config = compile({ endpoint: { write_keys: [`sha256:${hash}`, '${TILL_KEY}'] } }, { TILL_KEY: 'open sesame' });
    expect(config).toEqual({
      name: 'tills',
      description: 'Tills of the branches',
      owner: 'sales',
      input: { kind: 'endpoint', writeKeyHashes: [hash.toLowerCase(), createHash('sha256').update('open sesame').digest('hex')] },
      mode: 'live',
      cadence: { kind: 'realtime' },
      liveness: { kind: 'heartbeat' },
      latenessMs: 5000,
      events: null,
      transform: null,
      timezone: 'UTC',
    });
  });

  it('gives files a stated clock and no lateness, and replays them', () => {
    expect(compile({ file: { ...file, group_by: 'no' } })).toMatchObject({
      input: { kind: 'file', file: { format: 'csv', delimiter: ',', groupBy: 'no', dropDuplicateRows: false } },
      mode: 'replay',
      liveness: { kind: 'stated' },
      latenessMs: 0,
    });
  });

  it('takes a quiet topic as living for five minutes, and for ever when it only speaks on change', () => {
    expect(compile({ topic: {} }).liveness).toEqual({ kind: 'idle-after', patienceMs: 300_000 });
    expect(compile({ topic: {}, cadence: 'on-change' }).liveness).toEqual({ kind: 'idle-after', patienceMs: Infinity });
    expect(compile({ topic: {}, liveness: { idle_after: '2h' } }).liveness).toEqual({
      kind: 'idle-after',
      patienceMs: 7_200_000,
    });
    expect(compile({ topic: {}, liveness: 'drained' }).liveness).toEqual({ kind: 'idle-after', patienceMs: Infinity });
  });

  it('takes a batch as complete when a rule says so, else with the next one or after a time of quiet', () => {
    const last = { when: 'record.last', skip: 'end', as_of: 'record.as_of', ends_batch: true };
    const liveness = (more: Record<string, unknown>) => compile({ transform: [rule], ...more }).liveness;
    const kind = 'batch';
    expect(liveness({ topic: {}, liveness: 'batch' })).toEqual({ kind, ends: { kind: 'next' }, vouched: false });
    expect(liveness({ topic: {}, liveness: { batch: { quiet: '1m' } } })).toMatchObject({
      ends: { kind: 'quiet', quietMs: 60_000 },
    });
    expect(
      liveness({ endpoint: { write_keys: [`sha256:${'0'.repeat(64)}`] }, liveness: 'batch', transform: [last, rule] }),
    ).toEqual({
      kind,
      ends: { kind: 'marker' },
      vouched: true,
    });
    expect(liveness({ file, liveness: 'batch' })).toEqual({ kind: 'stated' });
    expect(compile({ topic: {}, liveness: 'batch', transform: [last, rule] }).transform?.[0]).toMatchObject({
      skip: 'end',
      asOf: 'record.as_of',
      endsBatch: true,
    });
  });

  it('reads nights by the zone of the source, waits an hour for them, and knows what feeds it', () => {
    const config = compile({
      topic: {},
      timezone: 'Europe/London',
      cadence: { nightly: { at: '02:00' } },
      fed_by: { tills: { nightly: { at: '01:00', timezone: 'UTC' } }, web: 'realtime' },
    });
    expect(config.cadence).toMatchObject({ kind: 'nightly', at: '02:00', timezone: 'Europe/London' });
    expect(config.latenessMs).toBe(3_600_000);
    expect(config.fedBy).toMatchObject([
      { name: 'tills', cadence: { kind: 'nightly', at: '01:00', timezone: 'UTC' } },
      { name: 'web', cadence: { kind: 'realtime' } },
    ]);
  });

  it.each([
    ['realtime', { kind: 'realtime' }],
    ['on-change', { kind: 'on-change' }],
    ['nightly', { kind: 'every', intervalMs: 86_400_000 }],
    ['hourly', { kind: 'every', intervalMs: 3_600_000 }],
    [{ every: '3m' }, { kind: 'every', intervalMs: 180_000 }],
  ])('reads the cadence %p', (cadence, expected) => {
    expect(compile({ topic: {}, cadence }).cadence).toEqual(expected);
  });

  it('reads names as they stand and expressions after an equals sign', () => {
    const transform = [
      { when: 'record.kind == "void"', skip: 'void' },
      { ...rule, event: 'Sale "big"', properties: { total: 'record.total' } },
      { ...rule, type: 'identify', event: '= record.kind', traits: 'record.person' },
    ];
    const rules = compile({ topic: {}, transform }).transform;
    expect(rules?.[0]).toMatchObject({ when: 'record.kind == "void"', skip: 'void', type: null, event: null });
    expect(rules?.[1]).toMatchObject({ type: '"track"', event: '"Sale \\"big\\""', properties: { total: 'record.total' } });
    expect(rules?.[2]).toMatchObject({ type: '"identify"', event: 'record.kind', traits: 'record.person' });
  });

  it('derives the events that a source may carry from rules that name them plainly', () => {
    const refund = { ...rule, event: 'Refund' };
    const person = { type: 'identify', identifiers: rule.identifiers };
    expect(compile({ topic: {}, transform: [rule, refund, rule, person] }).events).toEqual(['Sale', 'Refund', 'Identify']);
    expect(compile({ topic: {}, transform: [rule, { ...rule, event: '=record.kind' }] }).events).toBeNull();
    expect(compile({ topic: {}, events: ['Sale'] }).events).toEqual(['Sale']);
  });

  it.each<[string, Record<string, unknown>, (string | number)[], RegExp]>([
    ['no input', {}, [], /exactly one of endpoint, topic, file, files, poll, webhook and enrich, found none/],
    ['two inputs', { topic: {}, file }, ['file'], /found topic and file/],
    ['an unknown field', { topic: {}, latenes: '5s' }, ['latenes'], /unknown field, expected one of source, .*lateness/],
    ['a missing owner', { topic: {}, owner: undefined }, [], /"owner" is missing: Who answers/],
    ['a bad name', { source: 'Tills!', topic: {} }, ['source'], /lower-case letters/],
    ['a name that is taken', { source: 'tick', topic: {} }, ['source'], /lower-case letters/],
    ['a bad duration', { topic: {}, lateness: '5 seconds' }, ['lateness'], /A duration: 500ms/],
    ['a bad interval', { topic: {}, cadence: { every: 5 } }, ['cadence', 'every'], /expected string/],
    ['a bad cadence', { topic: {}, cadence: 'often' }, ['cadence'], /How often it says something new.*found "often"/],
    ['a bad liveness', { topic: {}, liveness: 'sure' }, ['liveness'], /heartbeat .*found "sure"/],
    ['a bad night', { topic: {}, cadence: { nightly: { at: '2am' } } }, ['cadence', 'nightly', 'at'], /HH:mm/],
    [
      'a night of nowhere',
      { topic: {}, fed_by: { a: { nightly: { at: '02:00', timezone: 'X/Y' } } } },
      ['fed_by', 'a', 'nightly', 'timezone'],
      /IANA/,
    ],
    [
      'an end of no batch',
      { topic: {}, transform: [{ ...rule, as_of: 'record.t', ends_batch: true }] },
      ['transform', 0, 'ends_batch'],
      /only where liveness is batch/,
    ],
    [
      'an end of any batch',
      { topic: {}, liveness: 'batch', transform: [{ ...rule, ends_batch: true }] },
      ['transform', 0],
      /"as_of" is missing/,
    ],
    [
      'two ends of a batch',
      { topic: {}, liveness: { batch: { quiet: '1m' } }, transform: [{ ...rule, as_of: 'record.t', ends_batch: true }] },
      ['liveness', 'batch', 'quiet'],
      /expected liveness: batch/,
    ],
    ['a vouched file', { file, liveness: 'heartbeat' }, ['liveness'], /expected batch/],
    ['a plain write key', { endpoint: { write_keys: ['secret'] } }, ['endpoint', 'write_keys', 0], /sha256: and the SHA-256/],
    ['an unset variable', { endpoint: { write_keys: ['${GONE}'] } }, ['endpoint', 'write_keys', 0], /GONE is not set/],
    ['a bad zone', { topic: {}, timezone: 'Mars/Base' }, ['timezone'], /IANA time zone/],
    ['a bad time', { file: { ...file, time: 'record.' } }, ['file', 'time'], /not a valid CEL expression/],
    [
      'a bad condition',
      { topic: {}, transform: [rule, { ...rule, when: '1' }] },
      ['transform', 1, 'when'],
      /expected a condition/,
    ],
    [
      'a bad property',
      { topic: {}, transform: [{ ...rule, properties: { a: 'rec.a' } }] },
      ['transform', 0, 'properties', 'a'],
      /Unknown variable: rec/,
    ],
    ['a bad type', { topic: {}, transform: [{ ...rule, type: 'trak' }] }, ['transform', 0, 'type'], /expected one of track, /],
    ['a nameless track', { topic: {}, transform: [{ identifiers: rule.identifiers }] }, ['transform', 0], /"event" is missing/],
    ['an event of nobody', { topic: {}, transform: [{ event: 'Sale' }] }, ['transform', 0], /"identifiers" is missing/],
    ['a skip with more', { topic: {}, transform: [{ ...rule, skip: 'x' }] }, ['transform', 0, 'event'], /no other fields/],
    ['an undeclared event', { topic: {}, events: ['Refund'], transform: [rule] }, ['events'], /"Sale" is missing/],
  ])('refuses %s', (_, more, path, message) => {
    const fault = (): unknown => compile(more);
    expect(fault).toThrow(ConfigProblem);
    expect(fault).toThrow(message);
    expect(fault).toThrow(expect.objectContaining({ path }));
  });
});

describe('the schema of a source', () => {
  it('describes every property', () => {
    const undescribed: string[] = [];
    const visit = (value: unknown, at: string): void => {
      if (typeof value !== 'object' || value === null) return;
      const { type, properties } = value as { type?: unknown; properties?: Record<string, { description?: string }> };
      for (const [name, property] of Object.entries((type === 'object' && properties) || {}))
        if (!property.description) undescribed.push(`${at}.${name}`);
      for (const [name, each] of Object.entries(value)) visit(each, `${at}.${name}`);
    };
    visit(sourceSchema, '');
    expect(undescribed).toEqual([]);
  });
});
