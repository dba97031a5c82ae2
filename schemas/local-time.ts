const day = 86_400_000;
const fields = ['yyyy', 'MM', 'dd', 'HH', 'mm', 'ss', 'SSS'] as const;
type Field = (typeof fields)[number];

/**
 * A parser for local times of one format and zone, result in epoch milliseconds, undefined when the text does not fit.
 * Format letters: yyyy MM dd HH mm ss SSS; all else stands for itself. A time that a clock change skips is moved forward by
 * the gap, one that it repeats is taken as the first. A bad format or an unknown zone throws RangeError at once.
 */
export function localTimeParser(format: string, timezone: string): (text: string) => number | undefined {
  const order: Field[] = [];
  const escaped = format.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  const pattern = escaped.replace(/yyyy|MM|dd|HH|mm|SSS|ss/g, (field) => {
    order.push(field as Field);
    return `([0-9]{${field.length}})`;
  });
  if (!order.includes('yyyy') || new Set(order).size !== order.length)
    throw new RangeError(`a time format needs yyyy and each of ${fields.join(' ')} at most once, found ${format}`);
  const regexp = new RegExp(`^${pattern}$`);
  const toEpoch = wallClock(timezone);
  return (text) => {
    const match = regexp.exec(text);
    if (match === null) return undefined;
    const value = (field: Field, otherwise: number): number => {
      const index = order.indexOf(field);
      return index < 0 ? otherwise : Number(match[index + 1]);
    };
    const [month, date] = [value('MM', 1), value('dd', 1)];
    const [hour, minute, second] = [value('HH', 0), value('mm', 0), value('ss', 0)];
    const wall = Date.UTC(value('yyyy', 1970), month - 1, date, hour, minute, second, value('SSS', 0));
    const exists = new Date(wall).getUTCDate() === date && month >= 1 && month <= 12 && hour < 24 && minute < 60 && second < 60;
    return exists ? toEpoch(wall) : undefined;
  };
}

/**
 * From what a clock of the zone shows, as if it were UTC in milliseconds, to the earliest instant at which it shows that; inside a
 * gap, by the offset before it. An unknown zone throws RangeError at once.
 */
export function wallClock(timezone: string): (wall: number) => number {
  const offsetAt = zoneOffset(timezone);
  return (wall) => {
    const before = offsetAt(wall - day);
    const after = offsetAt(wall + day);
    if (offsetAt(wall - before) === before) return wall - before;
    return offsetAt(wall - after) === after ? wall - after : wall - before;
  };
}

/** Offset of local time from UTC in milliseconds; asked of Intl once per quarter of an hour, which is as fine as zones are. */
export function zoneOffset(timezone: string): (epoch: number) => number {
  if (timezone === 'UTC') return () => 0;
  const quarter = 900_000;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const known = new Map<number, number>();
  return (epoch) => {
    const slot = Math.floor(epoch / quarter);
    let offset = known.get(slot);
    if (offset === undefined) {
      const parts = new Map(format.formatToParts(slot * quarter).map(({ type, value }) => [type, Number(value)]));
      const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
      const wall = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
      offset = wall - slot * quarter;
      if (known.size >= 50_000) known.clear();
      known.set(slot, offset);
    }
    return offset;
  };
}
