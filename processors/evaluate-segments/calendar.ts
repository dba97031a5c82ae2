import { wallClock, zoneOffset } from '../../schemas/local-time.ts';

export const units = ['day', 'week', 'month', 'quarter', 'year'] as const;
/** A calendar period. Weeks begin on Monday. */
export type Unit = (typeof units)[number];

/** Periods by the clocks of one time zone; with a change of the clocks a day has 23 or 25 hours. Times are epoch milliseconds. */
export interface Calendar {
  /** When the period began in which `at` lies. */
  readonly start: (unit: Unit, at: number) => number;
  /** When the period begins that lies `by` periods after the one in which `at` lies. */
  readonly shift: (unit: Unit, at: number, by: number) => number;
}

const dayMs = 86_400_000;

/** An unknown zone throws RangeError. */
export function calendarOf(timezone: string): Calendar {
  const offset = zoneOffset(timezone);
  const toEpoch = timezone === 'UTC' ? (wall: number) => wall : wallClock(timezone);
  const shift = (unit: Unit, at: number, by: number): number => {
    const wall = at + offset(at);
    const date = new Date(wall);
    const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
    const day = Math.floor(wall / dayMs) * dayMs;
    switch (unit) {
      case 'year':
        break;
      case 'day':
        return toEpoch(day + by * dayMs);
      case 'week':
        return toEpoch(day + (by * 7 - ((date.getUTCDay() + 6) % 7)) * dayMs);
      case 'month':
        return toEpoch(Date.UTC(year, month + by, 1));
      case 'quarter':
        return toEpoch(Date.UTC(year, month - (month % 3) + by * 3, 1));
    }
    return toEpoch(Date.UTC(year + by, 0, 1));
  };
  return { shift, start: (unit, at) => shift(unit, at, 0) };
}

/** Calendars by time zone, each made once. */
export function calendars(): (timezone: string) => Calendar {
  const known = new Map<string, Calendar>();
  return (timezone) => {
    const calendar = known.get(timezone) ?? calendarOf(timezone);
    known.set(timezone, calendar);
    return calendar;
  };
}
