import type { JsonSchema } from '../../../schemas/config.ts';
import { durationSchema, formatDuration } from '../../../schemas/duration.ts';
import { ConfigProblem } from '../../../schemas/config.ts';
import { objectSchema } from '../../../schemas/schema-parts.ts';
import { chooser, eventName, pathSchema, valueAt, whereSchema } from '../event-fields.ts';
import { logLeaf, spanwise } from '../log-leaf.ts';
import type { LeafEvent, LeafScope, Operator } from '../operator.ts';
import { distance, inPolygon, type Point } from '../places.ts';
import { firstAfter, type Entry } from '../sorted-log.ts';
import { meaningOfSpan, spanOf } from '../window.ts';

interface PlaceConfig {
  readonly of: string;
  readonly where?: string;
  readonly latitude?: string;
  readonly longitude?: string;
  readonly within?: Point & { readonly metres: number };
  readonly polygon?: readonly (readonly [latitude: number, longitude: number])[];
  readonly dwell?: string;
  readonly for?: string;
}

/** Where he was: inside or not. */
interface Located extends Entry {
  readonly i: boolean;
  /** Since when he had been inside; of the oldest entry, whose predecessors are forgotten. */
  readonly r?: number;
}

const degrees = (limit: number, description: string): JsonSchema => ({
  type: 'number',
  minimum: -limit,
  maximum: limit,
  description,
});

/** The customer is somewhere, and has been for a while. */
export const place: Operator = {
  name: 'place',
  schema: objectSchema(
    'The last place told of the customer lies within a circle or a polygon.',
    {
      of: { ...eventName, description: 'The event that tells where he is.' },
      where: whereSchema,
      latitude: pathSchema('Property with the latitude in degrees; latitude when left out.'),
      longitude: pathSchema('Property with the longitude in degrees; longitude when left out.'),
      within: objectSchema(
        'A circle.',
        {
          latitude: degrees(90, 'Latitude of its centre.'),
          longitude: degrees(180, 'Longitude of its centre.'),
          metres: { type: 'number', exclusiveMinimum: 0, description: 'Its radius in metres.' },
        },
        ['latitude', 'longitude', 'metres'],
      ),
      polygon: {
        type: 'array',
        minItems: 3,
        description: 'The corners of a polygon, each as [latitude, longitude].',
        items: {
          type: 'array',
          minItems: 2,
          maxItems: 2,
          items: { type: 'number' },
          description: 'A corner: [latitude, longitude].',
        },
      },
      dwell: durationSchema('He must have been inside for so long, without a place outside in between.'),
      for: durationSchema('How long a place that was told stands for where he is; until another is told when left out.'),
    },
    ['of'],
  ),
  compile: (config, scope) => {
    const given = config as PlaceConfig;
    const { of, where } = given;
    const inside = areaOf(given, scope);
    const dwell = given.dwell === undefined ? 0 : spanOf(given.dwell, 'dwell', scope);
    const lasting = spanOf(given.for, 'for', scope);
    const chosen = chooser({ of, ...(where === undefined ? {} : { where }) }, scope);
    const [latitude, longitude] = [given.latitude ?? 'latitude', given.longitude ?? 'longitude'];
    const pointOf = ({ properties }: LeafEvent): Point | undefined => {
      const [lat, lon] = [valueAt(properties, latitude), valueAt(properties, longitude)];
      return typeof lat === 'number' && typeof lon === 'number' ? { latitude: lat, longitude: lon } : undefined;
    };
    /** Stays: since when inside, until when. */
    const stays = (log: readonly Located[]): [since: number, until: number][] => {
      const found: [number, number][] = [];
      for (const [index, { t, i, r }] of log.entries()) {
        if (!i) continue;
        const until = Math.min(t + lasting, log[index + 1]?.t ?? Number.POSITIVE_INFINITY);
        const stay = found.at(-1);
        if (stay !== undefined && stay[1] === t && log[index - 1]?.i === true) stay[1] = until;
        else found.push([index === 0 ? (r ?? t) : t, until]);
      }
      return found;
    };
    return logLeaf<Located>({
      meaning: {
        place: {
          of,
          where,
          latitude,
          longitude,
          within: given.within,
          polygon: given.polygon,
          dwell,
          for: meaningOfSpan(lasting),
        },
      },
      events: [of],
      read: (event, note) => {
        if (!chosen(event)) return undefined;
        const point = pointOf(event);
        if (point === undefined) note('no-place');
        return point && { i: inside(point) };
      },
      truth: (log) => spanwise(stays(log).map(([since, until]) => [since + dwell, until])),
      keep: (log, horizon) => {
        const old = log.slice(0, firstAfter(log, horizon));
        const newest = old.at(-1);
        if (newest === undefined || old.length === 1) return log;
        const { t, id, i } = newest;
        const since = i ? stays(old).at(-1)?.[0] : undefined;
        return [{ t, id, i, ...(since === undefined ? {} : { r: since }) }, ...log.slice(old.length)];
      },
      named: () => of,
      explain: (log, at, holds) => {
        const last = log.at(-1);
        const says =
          last === undefined
            ? 'no place is known'
            : `last seen ${last.i ? 'inside' : 'outside'} ${formatDuration(at - last.t)} ago`;
        return {
          says: `${says}${dwell > 0 && !holds ? `, wanted inside for ${formatDuration(dwell)}` : ''}`,
          because: log.slice(-1),
        };
      },
    });
  },
};

function areaOf({ within, polygon }: PlaceConfig, scope: LeafScope): (point: Point) => boolean {
  if ((within === undefined) === (polygon === undefined))
    throw new ConfigProblem(scope.path, 'expected either within or polygon');
  if (within !== undefined) return (point) => distance(point, within) <= within.metres;
  const corners = (polygon ?? []).map(([latitude, longitude]) => ({ latitude, longitude }));
  const wrong = corners.findIndex(({ latitude, longitude }) => Math.abs(latitude) > 90 || Math.abs(longitude) > 180);
  if (wrong >= 0)
    throw new ConfigProblem([...scope.path, 'polygon', wrong], 'expected [latitude, longitude] in degrees, e.g. [51.5, -0.12]');
  return (point) => inPolygon(point, corners);
}
