import { ConfigProblem } from '../../../schemas/config.ts';
import { calendars, units, type Unit } from '../calendar.ts';
import { objectSchema } from '../../../schemas/schema-parts.ts';
import { chooser, eventName, whereSchema } from '../event-fields.ts';
import { logLeaf, stepwise, type Truth } from '../log-leaf.ts';
import type { LeafEvent, Operator } from '../operator.ts';
import { dropUpTo, firstAfter, type Entry } from '../sorted-log.ts';
import { zoneSchema } from '../window.ts';
import { isZone, pruneZones, withZone, zoneEvents, zoneLine, type ZoneTold } from '../zones.ts';

interface RegularConfig {
  readonly of: string;
  readonly where?: string;
  readonly in_at_least: number;
  readonly of_last: number;
  readonly periods: `${Unit}s`;
  readonly zone?: string;
}

/** Something he did, or a time zone that became known: both tell in one log. */
interface Marked extends Entry {
  readonly d?: true;
  readonly z?: string;
  readonly trait?: true;
}

const day = 86_400_000;
const quarter = day / 96;

/** Somebody does something in most periods of the calendar. */
export const regular: Operator = {
  name: 'regular',
  schema: objectSchema(
    'The customer did something in so many of the last periods of the calendar, the one that is running included.',
    {
      of: eventName,
      where: whereSchema,
      in_at_least: { type: 'integer', minimum: 1, description: 'In how many periods at least.' },
      of_last: { type: 'integer', minimum: 1, maximum: 400, description: 'Of how many.' },
      periods: { enum: units.map((unit) => `${unit}s`), description: 'Which periods: days, weeks from Monday on, months, …' },
      zone: zoneSchema,
    },
    ['of', 'in_at_least', 'of_last', 'periods'],
  ),
  compile: (config, scope) => {
    const { of, where, in_at_least: wanted, of_last: last, periods, zone = 'customer' } = config as RegularConfig;
    if (wanted > last) throw new ConfigProblem([...scope.path, 'in_at_least'], `expected at most of_last (${last})`);
    const unit = units.find((each) => `${each}s` === periods) ?? 'day';
    const personal = zone === 'customer';
    const fixed = personal || zone === 'workspace' ? scope.timezone : zone;
    if (!isZone(fixed))
      throw new ConfigProblem([...scope.path, 'zone'], `expected customer, workspace or an IANA time zone, found "${zone}"`);
    const calendar = calendars();
    const chosen = chooser({ of, ...(where === undefined ? {} : { where }) }, scope);
    const zonesOf = (log: readonly Marked[]): readonly ZoneTold[] =>
      log.flatMap(({ t, id, z, trait }) => (z === undefined ? [] : [{ t, id, z, ...(trait === undefined ? {} : { trait }) }]));

    const truth = (log: readonly Marked[]): Truth => {
      const line = zoneLine(zonesOf(log), fixed);
      const done = log.filter(({ d }) => d);
      const times = new Set<number>([...done.map(({ t }) => t), ...line.changes]);
      for (const each of line.all) for (const { t } of done) times.add(calendar(each).shift(unit, t, last));
      const holds = (at: number): boolean => {
        const { start, shift } = calendar(line.at(at));
        const [from, to] = [firstAfter(done, shift(unit, at, 1 - last) - 1), firstAfter(done, at)];
        return new Set(done.slice(from, to).map(({ t }) => start(unit, t))).size >= wanted;
      };
      const sorted = [...times].sort((one, other) => one - other);
      return stepwise(() => ({ initial: false, steps: sorted.map((at) => [at, holds(at)] as const) }));
    };
    const zoneIn = (event: LeafEvent): Pick<Marked, 'z' | 'trait'> => {
      const [told] = personal ? withZone([], event) : [];
      return told === undefined ? {} : { z: told.z, ...(told.trait === undefined ? {} : { trait: told.trait }) };
    };
    return logLeaf<Marked>({
      meaning: {
        regular: {
          of,
          where,
          in_at_least: wanted,
          of_last: last,
          periods,
          zone: personal ? 'customer' : fixed,
          otherwise: fixed,
        },
      },
      events: personal ? [of, ...zoneEvents] : [of],
      monotone: !personal,
      read: (event) => {
        const read = { ...(chosen(event) ? { d: true as const } : {}), ...zoneIn(event) };
        return Object.keys(read).length === 0 ? undefined : read;
      },
      truth,
      // One event is enough of each quarter of an hour: no border of a period lies inside one.
      keep: (log, horizon) => {
        const cut = calendar('UTC').shift(unit, horizon - day, 1 - last) - day;
        const old = log.slice(0, firstAfter(log, horizon));
        const zones = new Set(pruneZones(zonesOf(old), horizon).map(({ id }) => id));
        const slots = new Map<number, string>();
        for (const { t, id, d } of old) if (d) slots.set(Math.floor(t / quarter), id);
        const kept = old.flatMap((entry): Marked[] => {
          const { t, id, z, trait } = entry;
          const counts = t > cut && slots.get(Math.floor(t / quarter)) === id;
          const zone = zones.has(id) && z !== undefined;
          if (counts && (zone || z === undefined)) return [entry];
          if (zone) return [{ t, id, z, ...(trait === undefined ? {} : { trait }) }];
          return counts ? [{ t, id, d: true }] : [];
        });
        return kept.length === old.length ? log : [...kept, ...log.slice(old.length)];
      },
      named: ({ d }) => (d === true ? of : (zoneEvents[0] ?? of)),
      explain: (log, at, holds) => {
        const since = calendar(zoneLine(zonesOf(log), fixed).at(at)).shift(unit, at, 1 - last);
        return {
          says: `${of} in ${holds ? 'at least' : 'fewer than'} ${wanted} of the last ${last} ${periods}`,
          because: dropUpTo(
            log.filter(({ d }) => d),
            since - 1,
          ),
        };
      },
    });
  },
};
