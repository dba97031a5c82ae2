import { describe, expect, it } from '@jest/globals';
import { answer, type Link, sight } from './links.ts';
import { NEVER } from './timeline.ts';

const seen = (link: Link | undefined, at: number, moving: boolean, everyMs = 0) =>
  sight(link, { at, kind: 'device_id', source: 'shop' }, moving, everyMs);
const linkOf = (link: Link | undefined): Link => link as Link;

describe('what an identifier remembers of another', () => {
  it('is sent at the first sighting and at an earlier one, and costs nothing otherwise', () => {
    const first = seen(undefined, 10, false);
    expect(first.send).toBe(true);
    expect(seen(first.link, 20, false)).toEqual({ link: undefined, send: false });
    expect(seen(first.link, 5, false)).toMatchObject({ send: true, link: { first: 5, pending: [10, 5] } });
  });

  it('is sent again once the device has gone to another customer, as soon as it is seen here after that', () => {
    const first = answer(linkOf(seen(undefined, 10, true).link), 10, [], false).link;
    const before = linkOf(seen(first, 15, true).link);
    const told = answer(before, null, [[20, NEVER]], false);
    expect(told.send).toEqual([]);
    expect(seen(told.link, 18, true).send).toBe(false);
    expect(seen(told.link, 30, true).send).toBe(true);
  });

  it('sends what it kept if the news comes after the sighting, once, the earliest of each span', () => {
    let link = answer(linkOf(seen(undefined, 10, true).link), 10, [], false).link;
    for (const at of [40, 30, 50]) link = linkOf(seen(link, at, true).link);
    const told = answer(link, null, [[20, NEVER]], false);
    expect(told.send).toEqual([30]);
    expect(answer(told.link, null, [[20, NEVER]], false).send).toEqual([]);
    expect(answer(told.link, 30, [[20, 30]], false)).toMatchObject({ send: [], link: { pending: [], kept: [40, 50] } });
  });

  it('keeps one sighting of those close together, and no more than a few', () => {
    const first = answer(linkOf(seen(undefined, 0, true).link), 0, [], false).link;
    const kept = linkOf(seen(first, 60, true, 60).link);
    expect(seen(kept, 100, true, 60).link).toBeUndefined();
    let many = first;
    for (let at = 1; at <= 100; at++) many = linkOf(seen(many, at, true).link);
    expect(many.kept).toHaveLength(32);
    expect(many.kept.at(-1)).toBe(100);
  });

  it('is over when the root takes no more of the pair', () => {
    const closed = answer(linkOf(seen(undefined, 10, true).link), 10, [], true).link;
    expect(seen(closed, 5, true)).toEqual({ link: undefined, send: false });
  });
});
