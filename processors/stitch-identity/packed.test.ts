import { describe, expect, it } from '@jest/globals';
import type { Component } from './component.ts';
import { pack, unpack } from './packed.ts';
import { ALWAYS } from './timeline.ts';

const component: Component = {
  members: new Map([
    ['u1', { kind: 'user_id', rank: 100 }],
    ['a1', { kind: 'anonymous_id', rank: 40 }],
    ['a2', { kind: 'anonymous_id', rank: 40 }],
  ]),
  edges: [
    { x: 'u1', y: 'a1', at: 10, cause: 'm1' },
    { x: 'u1', y: 'kiosk', at: 20, cause: null },
  ],
  live: new Map([
    ['c_u1', { founder: 'u1', seen: 5 }],
    ['c_u2', { founder: 'a2', seen: 7 }],
  ]),
  labels: new Map([
    ['u1', [[ALWAYS, 'c_u1']]],
    [
      'a1',
      [
        [ALWAYS, 'c_u1'],
        [15, 'c_u2'],
      ],
    ],
  ]),
  holders: new Map([['c_u1', ['u1', 'a1']]]),
  founded: new Map([['a2', 1]]),
  crowded: new Set(['a2']),
};

describe('a packed component', () => {
  it('comes back as it was', () => {
    expect(unpack(pack(component))).toEqual(component);
  });

  it('holds each key and customer once', () => {
    const text = JSON.stringify(pack(component));
    for (const name of ['u1', 'kiosk', 'c_u1', 'c_u2', 'anonymous_id']) expect(text.split(`"${name}"`)).toHaveLength(2);
  });
});
