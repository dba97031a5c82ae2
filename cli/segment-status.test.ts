import { describe, expect, it } from '@jest/globals';
import { rulesStatus, statusLines } from './segment-status.ts';
import type { RulesRow } from './segment-rules.ts';

const row = (number: number, base: number | null, versions: Readonly<Record<string, string>>): RulesRow => ({
  number,
  base,
  turned: 0,
  born: {},
  completeFrom: null,
  hash: String(number),
  at: Date.UTC(2026, 0, number),
  timezone: 'UTC',
  segments: Object.entries(versions).map(([key, version]) => ({ key, version: `sha256:${version}`, definition: {} })),
});
const rows = [row(1, null, { loyal: 'aa', rich: 'bb', old: 'cc' }), row(2, 1, { loyal: 'aa', rich: 'dd', '~new': 'ee' })];
const lines = (claims: readonly number[]): readonly string[] => {
  const status = rulesStatus({ rows, claims });
  return status === undefined ? [] : statusLines(status);
};

describe('the status of the rules', () => {
  it('tells which version of each segment decides while another is prepared, and how far that is', () => {
    expect(lines([3.5, 4])).toEqual([
      'rules 2, since 2026-01-02T00:00:00.000Z: seeding: 75 % of what is retained read again, the slowest task 50 %',
      'loyal     sha256:aa        live    in force',
      'old       sha256:cc        live    goes: sha256:cc decides until it is emptied',
      'rich      sha256:dd        live    edited: sha256:bb decides until then',
      'new       sha256:ee        shadow  comes',
    ]);
  });

  it('tells of customers who turn to it, and when all have', () => {
    expect(lines([4, 5])[0]).toContain('customers turn to it: 1 of 2 tasks are done');
    expect(lines([5, 5])).toEqual([
      'rules 2, since 2026-01-02T00:00:00.000Z: in force',
      'loyal     sha256:aa        live    in force',
      'rich      sha256:dd        live    in force',
      'new       sha256:ee        shadow  in force',
    ]);
  });

  it('of the first rules is that they are in force', () => {
    const status = rulesStatus({ rows: rows.slice(0, 1), claims: [Number.NEGATIVE_INFINITY] });
    expect(status).toMatchObject({ generation: 1, turned: 1, shares: [1] });
    expect(rulesStatus({ rows: [], claims: [] })).toBeUndefined();
  });
});
