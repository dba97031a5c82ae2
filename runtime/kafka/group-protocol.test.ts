import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './group-protocol.ts';

const tasks = fc.array(fc.nat({ max: 1_000 }), { maxLength: 20 });

describe('group protocol', () => {
  it('brings claims and assignments over', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: -1, max: 2 ** 31 - 1 }), tasks, tasks, (topic, generation, current, owned) => {
        const claim = { generation, current, owned };
        expect(decodeSubscription(encodeSubscription(topic, claim))).toEqual(claim);
        expect(decodeAssignment(encodeAssignment(topic, current))).toEqual(current);
      }),
    );
  });

  it('takes a subscription of any other bytes for one that claims nothing', () => {
    const foreign = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array));
    fc.assert(fc.property(foreign, (bytes) => void decodeSubscription(bytes)));
    expect(decodeSubscription(Buffer.alloc(0))).toEqual({ generation: -1, current: [], owned: [] });
  });
});
