import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { LeafEvent } from '../operator.ts';
import { distance, inPolygon } from '../places.ts';
import { conforms } from './conformance.ts';
import { place } from './place.ts';
import { share } from './share.ts';

const properties = fc.constantFrom(
  { latitude: 51.5, longitude: -0.12 },
  { latitude: 51.501, longitude: -0.121 },
  { latitude: 48.86, longitude: 2.35 },
);
const inside = (event: LeafEvent): boolean => Number(event.properties['latitude']) > 50;
const stay = (events: readonly LeafEvent[], at: number, dwell: number, lasting: number): boolean => {
  let since: number | undefined;
  let last = 0;
  for (const each of events.filter(({ event, occurredAt }) => event === 'A' && occurredAt <= at)) {
    if (since !== undefined && each.occurredAt >= last + lasting && each.occurredAt > last) {
      // What was told stands no more: he may have been anywhere.
      if (each.occurredAt > last + lasting) since = undefined;
    }
    since = inside(each) ? (since ?? each.occurredAt) : undefined;
    last = each.occurredAt;
  }
  return since !== undefined && at >= since + dwell && at < last + lasting;
};

conforms('a place within a circle', {
  operator: place,
  config: { of: 'A', within: { latitude: 51.5, longitude: -0.12, metres: 500 } },
  events: ['A', 'B'],
  properties,
  means: (events, at) => stay(events, at, 0, Number.POSITIVE_INFINITY),
});
conforms('a stay within a polygon', {
  operator: place,
  config: {
    of: 'A',
    polygon: [
      [51, -1],
      [52, -1],
      [52, 1],
      [51, 1],
    ],
    dwell: '4s',
    for: '9s',
  },
  events: ['A', 'B'],
  properties,
  means: (events, at) => stay(events, at, 4000, 9000),
});
conforms('a share of all customers', {
  operator: share,
  config: { percent: 100, of: 'all' },
  respelt: { of: 'all', percent: 100, from: 0 },
  events: ['A'],
  means: () => true,
});

describe('a distance', () => {
  it('is that of the map', () => {
    const [london, paris] = [
      { latitude: 51.5074, longitude: -0.1278 },
      { latitude: 48.8566, longitude: 2.3522 },
    ];
    expect(distance(london, paris) / 1000).toBeCloseTo(343.6, 0);
  });
});

describe('a polygon', () => {
  const point = (latitude: number, longitude: number): { latitude: number; longitude: number } => ({ latitude, longitude });

  it('may lie across the date line, and have bays', () => {
    const fiji = [point(-20, 176), point(-20, -178), point(-15, -178), point(-15, 176)];
    expect(inPolygon(point(-18, 179.9), fiji)).toBe(true);
    expect(inPolygon(point(-18, -179.9), fiji)).toBe(true);
    expect(inPolygon(point(-18, 175), fiji)).toBe(false);
    expect(inPolygon(point(-18, 0), fiji)).toBe(false);
    const bay = [point(0, 0), point(0, 4), point(4, 4), point(1, 2), point(4, 0)];
    expect(inPolygon(point(3, 2), bay)).toBe(false);
    expect(inPolygon(point(0.5, 2), bay)).toBe(true);
  });

  it('wants an area, in degrees', () => {
    const scope = { path: ['when'], timezone: 'UTC' };
    expect(() => place.compile({ of: 'A' }, scope)).toThrow('expected either within or polygon');
    const polygon = [
      [0, 0],
      [0, 1],
      [100, 1],
    ];
    expect(() => place.compile({ of: 'A', polygon }, scope)).toThrow('[latitude, longitude] in degrees');
  });
});

describe('a share', () => {
  const members = (config: object): string[] => {
    const leaf = share.compile(config, { path: [], timezone: 'UTC' });
    return Array.from({ length: 4000 }, (_, index) => `c_${index}`).filter((customer) =>
      leaf.forCustomer?.(customer).holds(null, 0),
    );
  };

  it('is about as large as asked, the same each time, and another in another draw', () => {
    const tenth = members({ percent: 10, of: 'spring' });
    expect(Math.abs(tenth.length - 400)).toBeLessThan(80);
    expect(members({ percent: 10, of: 'spring' })).toEqual(tenth);
    expect(members({ percent: 10, of: 'autumn' })).not.toEqual(tenth);
  });

  it('can be cut so that two do not overlap', () => {
    const half = new Set(members({ percent: 50, of: 'spring' }));
    const other = members({ percent: 50, from: 50, of: 'spring' });
    expect(other.filter((customer) => half.has(customer))).toEqual([]);
    expect(half.size + other.length).toBe(4000);
  });
});
