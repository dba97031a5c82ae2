import { describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import type { Producer } from '../../runtime/kafka/contract.ts';
import type { Liveness } from '../../runtime/watermarks/contract.ts';
import type { SourceReading } from '../../runtime/watermarks/source-watcher.ts';
import type { SourceFreshness } from '../../schemas/generated/types.ts';
import { cadenceOf, type CadenceYaml } from '../../schemas/source-cadence.ts';
import { sourceAlerts } from './alerts.ts';
import { sourceReporter } from './index.ts';
import { type Declared, freshnessReport } from './status.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const noon = Date.UTC(2024, 0, 10, 12);
const none = Number.NEGATIVE_INFINITY;

interface Given {
  readonly liveness?: Liveness;
  readonly cadence?: CadenceYaml;
  readonly lateness?: number;
  readonly fedBy?: Readonly<Record<string, CadenceYaml>>;
}

/** A source of which this was heard so long ago, milliseconds. */
class Source {
  readonly declared: Declared;
  readonly #liveness: Liveness;
  last: SourceFreshness | undefined;

  constructor({ liveness = { kind: 'heartbeat' }, cadence = 'realtime', lateness = 5 * second, fedBy = {} }: Given) {
    this.#liveness = liveness;
    const links = Object.entries(fedBy).map(([name, each]) => ({ name, cadence: cadenceOf(each, 'UTC', []) }));
    this.declared = { cadence: cadenceOf(cadence, 'UTC', []), latenessMs: lateness, fedBy: links };
  }

  reading(watermark: number, sign: number, tick = noon, ended = false): SourceReading {
    const clock = { source: 's', liveness: this.#liveness, latenessMs: this.declared.latenessMs };
    return { clock, watermark: tick - watermark, ended, sign: tick - sign, tick };
  }

  report(...reading: Parameters<Source['reading']>): SourceFreshness {
    this.last = freshnessReport(this.reading(...reading), this.declared, this.last);
    return this.last;
  }
}

const idle = (patienceMs: number): Liveness => ({ kind: 'idle-after', patienceMs });
const batch: Liveness = { kind: 'batch', ends: { kind: 'marker' }, vouched: false };

describe('the status of a source', () => {
  it.each<[string, Given, watermark: number, sign: number, status: string]>([
    ['never heard of', {}, Infinity, Infinity, 'silent'],
    ['realtime and prompt', {}, 5 * second, 200, 'fresh'],
    ['realtime, at the limit', {}, 15 * second, 200, 'fresh'],
    ['realtime and behind', {}, 15 * second + 1, 200, 'lagging'],
    ['realtime, its gateway just gone', {}, 15 * second, 15 * second, 'fresh'],
    ['realtime, its gateway gone', {}, 21 * second, 15 * second + 1, 'silent'],
    ['quiet within its patience', { liveness: idle(5 * minute) }, 5 * second, 5 * minute, 'fresh'],
    ['quiet for longer than its patience', { liveness: idle(5 * minute) }, 6 * minute, 5 * minute + 1, 'silent'],
    ['of whatever patience, and behind', { liveness: idle(Infinity) }, minute, 3 * hour, 'lagging'],
    ['on change, long unchanged', { liveness: idle(Infinity), cadence: 'on-change' }, 5 * second, 90 * hour, 'fresh'],
    ['hourly, one update missing', { liveness: batch, cadence: 'hourly' }, 2 * hour, 2 * hour, 'fresh'],
    ['hourly, two updates missing', { liveness: batch, cadence: 'hourly' }, 2 * hour + 1, 2 * hour, 'stale'],
    ['nightly, of this night', { liveness: batch, cadence: { nightly: { at: '02:00' } } }, 10 * hour, 10 * hour, 'fresh'],
    ['nightly, of last night', { liveness: batch, cadence: { nightly: { at: '02:00' } } }, 34 * hour, 34 * hour, 'stale'],
    ['without a cadence', { liveness: { kind: 'stated' } }, 900 * hour, Infinity, 'fresh'],
  ])('%s', (_, given, watermark, sign, status) => {
    expect(new Source(given).report(watermark, sign).status).toBe(status);
  });

  it('is ended when its input is, whatever else', () => {
    expect(new Source({}).report(Infinity, Infinity, noon, true).status).toBe('ended');
  });

  it('of a night waits as long as its lateness says, and says when the update is due', () => {
    const source = new Source({ liveness: batch, cadence: { nightly: { at: '02:00' } }, lateness: hour });
    const asOf = Date.UTC(2024, 0, 9, 1, 55);
    const due = Date.UTC(2024, 0, 10, 2);
    const at = (tick: number): SourceFreshness => source.report(tick - asOf, tick - asOf, tick);
    expect(at(due - 1)).toMatchObject({ status: 'fresh', expectedAt: due, before: null });
    expect(at(due + hour)).toMatchObject({ status: 'fresh', expectedAt: due });
    expect(at(due + hour + 1)).toMatchObject({ status: 'stale', expectedAt: due, before: 'fresh', since: due + hour + 1 });
    expect(at(due + 5 * hour)).toMatchObject({ status: 'stale', before: null, since: due + hour + 1 });
  });

  it('goes from each to each other and back, and names the one before in the report of the change alone', () => {
    const source = new Source({});
    const seen = [
      [Infinity, Infinity],
      [5 * second, 200],
      [20 * second, 200],
      [40 * second, 20 * second],
      [40 * second, 200],
      [5 * second, 200],
      [5 * second, 200],
    ].map(([watermark = 0, sign = 0]) => source.report(watermark, sign));
    expect(seen.map(({ before, status }) => `${before} ${status}`)).toEqual([
      'null silent',
      'silent fresh',
      'fresh lagging',
      'lagging silent',
      'silent lagging',
      'lagging fresh',
      'null fresh',
    ]);
  });
});

describe('the status of a source that comes in batches', () => {
  it('goes from silent to stale, to fresh, to stale and back to fresh, each told once', () => {
    const source = new Source({ liveness: batch, cadence: 'hourly' });
    const heard = [Infinity, 3 * hour, hour, 2 * hour, 2 * hour + 1, 2 * hour + 2, hour];
    const seen = heard.map((ago) => source.report(ago, ago));
    expect(seen.map(({ before, status }) => `${before} ${status}`)).toEqual([
      'null silent',
      'silent stale',
      'stale fresh',
      'null fresh',
      'fresh stale',
      'null stale',
      'stale fresh',
    ]);
  });
});

describe('the end of an input', () => {
  const hourly: Given = { liveness: batch, cadence: 'hourly' };
  it.each<[string, Given, watermark: number, sign: number]>([
    ['silent', {}, Infinity, Infinity],
    ['fresh', {}, 5 * second, 200],
    ['lagging', {}, 20 * second, 200],
    ['stale', hourly, 3 * hour, 3 * hour],
  ])('is told of a source that was %s, once, and so is that it goes on', (before, given, watermark, sign) => {
    const source = new Source(given);
    expect(source.report(watermark, sign)).toMatchObject({ status: before, before: null });
    const end = noon + second;
    expect(source.report(watermark, sign, end, true)).toMatchObject({ status: 'ended', before, since: end, expectedAt: null });
    expect(source.report(watermark, sign, end + second, true)).toMatchObject({ status: 'ended', before: null, since: end });
    expect(source.report(watermark, sign, end + 2 * second)).toMatchObject({ status: before, before: 'ended' });
  });
});

describe('a source that is fed', () => {
  const poll = (): Source =>
    new Source({ liveness: batch, cadence: 'hourly', fedBy: { tills: { nightly: { at: '02:00' } }, web: 'realtime' } });

  it('hourly from tills that are booked once a night is stale by noon, and the link to blame is named', () => {
    const source = poll();
    expect(source.report(2 * hour, 0, noon - 8 * hour)).toMatchObject({ status: 'fresh' });
    expect(source.report(10 * hour, 0)).toMatchObject({
      status: 'stale',
      link: 'tills, nightly at 02:00 UTC',
      expectedAt: Date.UTC(2024, 0, 11, 2),
    });
  });

  it('and has stopped by itself is to blame itself', () => {
    expect(poll().report(34 * hour, 34 * hour)).toMatchObject({ status: 'stale', link: null });
  });

  it('by what brings everything at once blames nobody', () => {
    const source = new Source({ cadence: 'realtime', fedBy: { web: 'realtime' } });
    expect(source.report(minute, 200)).toMatchObject({ status: 'lagging', link: null });
  });
});

describe('the reports', () => {
  const setUp = (goesOn = false) => {
    const sent: SourceFreshness[] = [];
    const logged: string[] = [];
    const last: SourceFreshness[] = [];
    const registry = new Registry();
    const producer = {
      send: async ({ records }: { records: readonly { value: Buffer | null }[] }) => {
        for (const { value } of records) sent.push(JSON.parse(String(value)) as SourceFreshness);
      },
    } as unknown as Producer;
    const source = new Source({});
    const report = sourceReporter({
      declared: new Map([['s', source.declared]]),
      producer,
      serde: {
        encode: (value) => Buffer.from(JSON.stringify(value)),
        decode: (bytes) => JSON.parse(String(bytes)) as SourceFreshness,
      },
      reports: { topic: 'sources.freshness', partitions: 4 },
      ...(goesOn ? { lastReports: async () => last } : {}),
      onReport: sourceAlerts(registry, (level, message, fields) => logged.push(`${level} ${message} ${JSON.stringify(fields)}`)),
      onError: (error) => {
        throw error;
      },
    });
    return { sent, logged, registry, report, source, last };
  };

  it('come when a status changes and every few seconds, also when nothing arrives at all', () => {
    const { report, sent, source } = setUp();
    for (let t = 0; t <= 30; t++) report([source.reading(5 * second + t * second, t * second, noon + t * second)]);
    expect(sent.map(({ status, at }) => `${status} ${(at - noon) / second}`)).toEqual([
      'fresh 0',
      'fresh 5',
      'fresh 10',
      'lagging 11',
      'silent 16',
      'silent 21',
      'silent 26',
    ]);
    expect(sent.filter(({ before }) => before !== null).map(({ before, status }) => `${before} ${status}`)).toEqual([
      'fresh lagging',
      'lagging silent',
    ]);
  });

  it('of a change are a line in the log and a count', async () => {
    const { report, logged, registry, source } = setUp();
    report([source.reading(5 * second, 200)]);
    report([source.reading(minute, minute, noon + minute)]);
    report([source.reading(minute, minute, noon + minute + second)]);
    expect(logged).toEqual(['warn source is silent {"source":"s","before":"fresh"}']);
    const text = await registry.metrics();
    expect(text).toContain('freshet_source_status_changes_total{source="s",status="silent"} 1');
    expect(text).toContain('freshet_source_status{source="s",status="silent"} 1');
    expect(text).toContain('freshet_source_status{source="s",status="fresh"} 0');
    expect(text).toContain('freshet_source_lag_seconds{source="s"} 60');
  });

  it('go on from those of before, when this process begins or has the work again', async () => {
    const { report, sent, source, last } = setUp(true);
    last.push(source.report(5 * second, 200, noon - hour));
    report([source.reading(5 * second, 200)]);
    expect(sent).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    report([source.reading(5 * second, 200, noon + second)]);
    expect(sent).toMatchObject([{ status: 'fresh', before: null, since: noon - hour }]);

    last.push({ ...source.report(5 * second, 200, noon + minute), since: noon + 30 * second });
    report([source.reading(minute, minute, noon + 2 * minute)]);
    await new Promise((resolve) => setImmediate(resolve));
    report([source.reading(minute, minute, noon + 2 * minute + second)]);
    expect(sent.at(-1)).toMatchObject({ status: 'silent', before: 'fresh', since: noon + 2 * minute + second });
  });

  it('are not made of sources that nobody has declared, and not before there is a time', () => {
    const { report, sent, source } = setUp();
    report([{ ...source.reading(0, 0), tick: none }]);
    report([{ ...source.reading(0, 0), clock: { ...source.reading(0, 0).clock, source: 'other' } }]);
    expect(sent).toEqual([]);
  });
});
