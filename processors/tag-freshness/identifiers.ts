import { parsePhoneNumberFromString } from 'libphonenumber-js/min';
import type { Identifier } from '../../schemas/generated/types.ts';
import { identifierKinds, normaliseIdentifier } from '../../schemas/segment-message.ts';

/** Identifiers as they are compared, each once, by priority of kind, and the kinds of those that name nobody. */
export interface Identified {
  readonly identifiers: readonly Identifier[];
  readonly ignored: readonly string[];
}

/**
 * Normalises identifiers. A phone number becomes E.164; without its country (`+` or `00`) it is nobody's, since the same digits
 * are another line in another country.
 */
export function normalise(given: Iterable<{ readonly kind: string; readonly value: unknown }>): Identified {
  const identifiers: Identifier[] = [];
  const ignored: string[] = [];
  for (const { kind, value: raw } of given) {
    if (raw === null || raw === undefined || raw === '') continue;
    const text = normaliseIdentifier(kind, raw);
    const value = kind === 'phone' && text !== undefined ? e164(text) : text;
    if (value === undefined) ignored.push(kind);
    else if (!identifiers.some((one) => one.kind === kind && one.value === value)) identifiers.push({ kind, value });
  }
  return { identifiers: identifiers.sort((a, b) => priority(a.kind) - priority(b.kind)), ignored };
}

function e164(text: string): string | undefined {
  const number = parsePhoneNumberFromString(text.replace(/^00/, '+'));
  return number?.isPossible() === true ? number.number : undefined;
}

function priority(kind: string): number {
  const at = (identifierKinds as readonly string[]).indexOf(kind);
  return at < 0 ? identifierKinds.length : at;
}
