import * as fc from 'fast-check';
import type { LeafEvent } from '../operator.ts';
import { absence } from './absence.ts';
import { conforms } from './conformance.ts';

const properties = fc.record({ cart: fc.constantFrom('x', 'y') }, { requiredKeys: [] });

interface Meaning {
  readonly of: string;
  readonly after: string;
  readonly resets: readonly string[];
  readonly within: number;
  readonly lasting: number;
  readonly same: boolean;
}

/** Lives through the events up to the time, one value after the other. */
function absent(events: readonly LeafEvent[], at: number, { of, after, resets, within, lasting, same }: Meaning): boolean {
  const value = (event: LeafEvent): unknown => (same ? event.properties['cart'] : undefined);
  const known = events.filter((each) => each.occurredAt <= at);
  return [undefined, 'x', 'y'].some((cart) => {
    let since: number | null = null;
    for (const each of known) {
      const dead = since !== null && each.occurredAt >= since + within + lasting;
      const ours = value(each) === cart || (each.event === of && value(each) === undefined);
      if (!ours) continue;
      if (each.event === of) since = null;
      if (value(each) !== cart) continue;
      if (since === null || dead) since = each.event === after ? each.occurredAt : since;
      else if (resets.includes(each.event)) since = each.occurredAt;
    }
    return since !== null && at >= since + within && at < since + within + lasting;
  });
}

const ever = Number.POSITIVE_INFINITY;

conforms('an absence', {
  operator: absence,
  config: { of: 'B', after: 'A', within: '10s' },
  respelt: { within: '10000ms', after: 'A', of: 'B' },
  events: ['A', 'B'],
  means: (events, at) => absent(events, at, { of: 'B', after: 'A', resets: [], within: 10_000, lasting: ever, same: false }),
});
conforms('an absence by value, with resets and an end', {
  operator: absence,
  config: { of: 'B', after: 'A', within: '10s', same: 'cart', reset_by: ['A', 'R'], for: '15s' },
  respelt: { of: 'B', after: 'A', within: '10s', same: 'cart', reset_by: ['R', 'A'], for: '15s' },
  events: ['A', 'B', 'R'],
  properties,
  means: (events, at) =>
    absent(events, at, { of: 'B', after: 'A', resets: ['A', 'R'], within: 10_000, lasting: 15_000, same: true }),
});
conforms('an absence by value that lasts', {
  operator: absence,
  config: { of: 'B', after: 'A', within: '5s', same: 'cart', reset_by: ['R'] },
  events: ['A', 'B', 'R'],
  properties,
  means: (events, at) => absent(events, at, { of: 'B', after: 'A', resets: ['R'], within: 5000, lasting: ever, same: true }),
});
conforms('the absence of another of the same event', {
  operator: absence,
  config: { of: 'A', after: 'A', within: '20s' },
  events: ['A', 'B'],
  means: (events, at) => absent(events, at, { of: 'A', after: 'A', resets: [], within: 20_000, lasting: ever, same: false }),
});
