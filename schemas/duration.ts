import { ConfigProblem, type ConfigPath, type JsonSchema } from './config.ts';

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** The text form of a duration, for JSON Schemas: `5s`, `1h30m`, `30d`. */
export const durationPattern = '^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d|w))+$';

/** A property that holds a duration. */
export function durationSchema(description: string): JsonSchema {
  return { type: 'string', pattern: durationPattern, description: `${description} A duration: 500ms, 5s, 10m, 1h30m, 30d, 2w.` };
}

/** A duration (`5s`, `10m`, `1h30m`, `30d`, `2w`) in milliseconds. Anything else: ConfigProblem at `path`. */
export function parseDuration(value: unknown, path: ConfigPath = []): number {
  if (typeof value === 'string' && new RegExp(durationPattern).test(value)) {
    let total = 0;
    for (const [, amount, unit] of value.matchAll(/([0-9.]+)(ms|s|m|h|d|w)/g))
      total += Number(amount) * units[unit as keyof typeof units];
    const ms = Math.round(total);
    if (Number.isSafeInteger(ms)) return ms;
  }
  throw new ConfigProblem(path, `expected a duration such as 5s, 10m, 1h30m or 30d, found ${JSON.stringify(value) ?? 'nothing'}`);
}

/** The shortest text that `parseDuration` reads back as `ms`, a whole number from 0. */
export function formatDuration(ms: number): string {
  let rest = ms;
  let text = '';
  for (const unit of ['d', 'h', 'm', 's', 'ms'] as const) {
    const count = Math.floor(rest / units[unit]);
    rest -= count * units[unit];
    if (count > 0) text += `${count}${unit}`;
  }
  return text === '' ? '0s' : text;
}
