import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { compileCel, compileCondition } from './cel.ts';
import { ConfigProblem } from './config.ts';
import { localTimeParser } from './local-time.ts';

const evaluate = (text: string, record: unknown = {}): unknown =>
  compileCel(text, { variables: ['record'], timezone: 'Europe/London' })({ record });

describe('compileCel', () => {
  it.each<[string, unknown, unknown]>([
    ['1 + 2', {}, 3],
    ['record.price * 2', { price: 2.5 }, 5],
    ['10 - record.price', { price: 2.5 }, 7.5],
    [
      'sum(record.rows.filter(r, r.price > 0).map(r, r.price * r.count))',
      {
        rows: [
          { price: 1.5, count: 2 },
          { price: 0, count: 9 },
        ],
      },
      3,
    ],
    ['sum([])', {}, 0],
    ['sum(record.rows.map(r, number(r)))', { rows: ['1.5', ' 2 '] }, 3.5],
    ['round(1.005, 2)', {}, 1.01],
    ['round(record.x, 0)', { x: -2.5 }, -3],
    ['abs(record.x)', { x: -7 }, 7],
    ['record.id.split(".")[0]', { id: '17850.0' }, '17850'],
    ['record.?gone.orValue("none")', {}, 'none'],
    ['{"a": record.?gone, "n": [1, 2.5, "x"]}', {}, { a: null, n: [1, 2.5, 'x'] }],
    ['timestamp("2011-01-18T10:01:00Z")', {}, new Date('2011-01-18T10:01:00Z')],
    ['parse_time(record.at, "yyyy-MM-dd HH:mm:ss")', { at: '2011-07-18 10:01:00' }, new Date('2011-07-18T09:01:00Z')],
    ['parse_time(record.at, "dd.MM.yyyy", "Asia/Tokyo")', { at: '02.01.2011' }, new Date('2011-01-01T15:00:00Z')],
    ['record.mail.matches("@example[.]com$")', { mail: 'a@example.com' }, true],
  ])('evaluates %s', (text, record, result) => {
    expect(evaluate(text, record)).toEqual(result);
  });

  it.each([
    ['1 +', /Unexpected token: EOF at column 4 of "1 \+"/],
    ['unknown + 1', /Unknown variable: unknown at column 1/],
    ['1 + "x"', /no such overload: int \+ string/],
    ['nothing(1)', /nothing/],
    ['record.a.matches("(")', /not a valid RE2 expression/],
    ['record.a.matches(record.b)', /as a literal/],
    [String.raw`record.a.matches("(a)\\1")`, /not a valid RE2 expression/],
  ])('refuses %s with the place and the reason', (text, reason) => {
    const compile = (): unknown => compileCel(text, { variables: ['record'], path: ['transform', 0, 'when'] });
    expect(compile).toThrow(ConfigProblem);
    expect(compile).toThrow(reason);
    expect(compile).toThrow(expect.objectContaining({ path: ['transform', 0, 'when'] }));
  });

  it.each([
    ['record.gone.deeper', {}, '"gone" in "record.gone.deeper": the field is missing'],
    ['number(record.secret)', { secret: 'hunter2' }, '"number(record.secret)": expected a number'],
    ['parse_time(record.secret, "yyyy-MM-dd")', { secret: 'hunter2' }, 'expected a time such as yyyy-MM-dd'],
    ['bool(record.secret)', { secret: 'hunter2' }, 'bool conversion error'],
  ])('says where %s failed without quoting data', (text, record, message) => {
    expect(() => evaluate(text, record)).toThrow(expect.objectContaining({ code: 'PROCESS_FAILED' }));
    expect(() => evaluate(text, record)).toThrow(message);
    expect(() => evaluate(text, record)).not.toThrow('hunter2');
  });

  it('matches in linear time where a backtracking engine would take years', () => {
    const started = performance.now();
    expect(evaluate('record.text.matches("^(a+)+$")', { text: `${'a'.repeat(50_000)}b` })).toBe(false);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('gives the same result for the same data, whatever was evaluated before', () => {
    const text = 'sum(record.map(r, r.matches("^[0-9]+$") ? number(r) : 0.0))';
    const compiled = compileCel(text, { variables: ['record'] });
    fc.assert(
      fc.property(
        fc.array(fc.string()),
        (record) => compiled({ record }) === compileCel(text, { variables: ['record'] })({ record }),
      ),
      { numRuns: 30 },
    );
  });
});

describe('compileCondition', () => {
  const holds = (text: string, properties: unknown): boolean =>
    compileCondition(text, { variables: ['properties'] })({ properties });

  it('is false where a field is missing or of another type', () => {
    expect(holds('properties.total > 100', { total: 101 })).toBe(true);
    expect(holds('properties.total > 100', {})).toBe(false);
    expect(holds('properties.total > 100', { total: 'much' })).toBe(false);
    expect(holds('properties.total > 100', { total: null })).toBe(false);
    expect(holds('properties.total', { total: 1 })).toBe(false);
  });

  it('holds by the side of an "or" that can be answered', () => {
    expect(holds('properties.gone > 1 || properties.total == 5', { total: 5 })).toBe(true);
  });

  it('refuses what can never be true or false', () => {
    expect(() => compileCondition('"text"', { variables: [] })).toThrow(/expected a condition/);
  });
});

describe('localTimeParser', () => {
  const parse = localTimeParser('yyyy-MM-dd HH:mm:ss', 'Europe/London');
  const iso = (text: string): string | undefined => {
    const epoch = parse(text);
    return epoch === undefined ? undefined : new Date(epoch).toISOString();
  };

  it.each([
    ['in winter', '2011-01-18 10:01:00', '2011-01-18T10:01:00.000Z'],
    ['in summer', '2011-07-18 10:01:00', '2011-07-18T09:01:00.000Z'],
    ['skipped by the clock change, moved forward', '2011-03-27 01:30:00', '2011-03-27T01:30:00.000Z'],
    ['right after the gap', '2011-03-27 02:00:00', '2011-03-27T01:00:00.000Z'],
    ['repeated by the clock change, as the first', '2011-10-30 01:30:00', '2011-10-30T00:30:00.000Z'],
  ])('reads a time %s', (_, text, expected) => {
    expect(iso(text)).toBe(expected);
  });

  it.each(['2011-02-30 10:00:00', '2011-13-01 10:00:00', '2011-01-01 24:00:00', '2011-01-01', '', ' 2011-01-01 10:00:00'])(
    'does not read "%s"',
    (text) => {
      expect(parse(text)).toBeUndefined();
    },
  );

  it('agrees with the platform on every instant of every zone that no clock repeats', () => {
    const zones = fc.constantFrom(
      'UTC',
      'Europe/London',
      'America/New_York',
      'Asia/Kathmandu',
      'Australia/Lord_Howe',
      'Pacific/Apia',
    );
    const instants = fc.integer({ min: Date.UTC(2000, 0), max: Date.UTC(2030, 0) }).map((ms) => ms - (ms % 1000));
    fc.assert(
      fc.property(zones, instants, (timeZone, instant) => {
        const wall = (at: number): string => new Date(at).toLocaleString('sv-SE', { timeZone });
        const parsed = localTimeParser('yyyy-MM-dd HH:mm:ss', timeZone)(wall(instant));
        return parsed !== undefined && parsed <= instant && wall(parsed) === wall(instant);
      }),
    );
  });

  it('refuses a format without a year and an unknown zone', () => {
    expect(() => localTimeParser('HH:mm', 'UTC')).toThrow(RangeError);
    expect(() => localTimeParser('yyyy', 'Mars/Base')).toThrow(RangeError);
  });
});
