import { wallClock } from './local-time.ts';

/** What `instantParser` reads, for messages. */
export const instantForm = 'a time since 1970: ISO 8601 text or epoch milliseconds';

const iso = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s?(Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?)?$/;
/** 1973: a smaller number was meant as seconds. */
const leastMs = 1e11;
const mostMs = Date.UTC(9999, 11, 31);

/**
 * A reader of instants as sources write them: a Date, epoch milliseconds, or ISO 8601 text with any zone and up to nanoseconds (cut
 * to milliseconds). Text without a zone is local time of `timezone`. Undefined for all else, and for times before 1970.
 */
export function instantParser(timezone: string): (value: unknown) => number | undefined {
  const toEpoch = wallClock(timezone);
  return (value) => {
    const epoch = value instanceof Date ? value.getTime() : typeof value === 'string' ? parseIso(value, toEpoch) : value;
    if (typeof epoch !== 'number' || !(epoch <= mostMs)) return undefined;
    const least = typeof value === 'number' ? leastMs : 0;
    return epoch >= least ? Math.floor(epoch) : undefined;
  };
}

function parseIso(text: string, toEpoch: (wall: number) => number): number | undefined {
  const match = iso.exec(text.trim());
  if (match === null) return undefined;
  const part = (index: number): number => Number(match[index] ?? 0);
  const [month, date, hour, minute, second] = [part(2), part(3), part(4), part(5), part(6)];
  if (month < 1 || month > 12 || hour > 23 || minute > 59 || second > 60) return undefined;
  const millis = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'));
  if (new Date(Date.UTC(part(1), month - 1, date)).getUTCDate() !== date) return undefined;
  const wall = Date.UTC(part(1), month - 1, date, hour, minute, second, millis);
  const zone = match[8];
  if (zone === undefined) return toEpoch(wall);
  if (!/^[+-]/.test(zone)) return wall;
  const offset = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3).replace(':', '') || 0);
  return wall - (zone.startsWith('-') ? -1 : 1) * offset * 60_000;
}
