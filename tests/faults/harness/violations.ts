import { appendFileSync } from 'node:fs';

/**
 * Writes down that a promise was broken, for the sum of the tier: a test of this tier may be tried again, but what was lost once
 * counts, whatever the next try says.
 */
export function violated(what: string): void {
  const place = process.env['FRESHET_VIOLATIONS'];
  if (place !== undefined) appendFileSync(place, `${what}\n`);
}
