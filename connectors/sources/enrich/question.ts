import { FreshetError } from '../../../runtime/errors.ts';
import { compileCel } from '../../../schemas/cel.ts';
import type { SourceConfig } from '../../../schemas/config.ts';
import type { TaggedEvent } from '../../../schemas/generated/types.ts';

/** What an event asks. `unusable`: what is to be asked about cannot be part of an address. */
export type Question = { readonly kind: 'ask'; readonly key: string } | { readonly kind: 'none' } | { readonly kind: 'unusable' };

/** What is asked about may be so long, characters. */
const LONGEST_KEY = 512;

/** Reads from events what the source is to be asked. Only live events of other sources ask: history is not looked up, and no answer asks on. */
export function questionReader(source: SourceConfig): (event: TaggedEvent) => Question {
  if (source.input.kind !== 'enrich') throw new FreshetError('CONFIG_INVALID', `${source.name} asks nobody`);
  const { events, key } = source.input.enrich;
  const wanted = new Set(events);
  const keyOf = compileCel(key, { variables: ['event'], path: ['enrich', 'key'], timezone: source.timezone });
  return (tagged) => {
    if (!wanted.has(tagged.event) || tagged.mode !== 'live' || tagged.source === source.name) return { kind: 'none' };
    const found = evaluate(keyOf, tagged);
    if (found === null || found === '') return { kind: 'none' };
    if (typeof found !== 'string' && typeof found !== 'number') return { kind: 'unusable' };
    const text = String(found);
    // Dots alone would lead elsewhere on the other side.
    return text.length > LONGEST_KEY || /^\.{1,2}$/.test(text) || !text.isWellFormed()
      ? { kind: 'unusable' }
      : { kind: 'ask', key: text };
  };
}

/** The identifiers of an event, the first of each kind. */
export function identifiersOf({ identifiers }: TaggedEvent): Readonly<Record<string, string>> {
  return Object.fromEntries(identifiers.toReversed().map(({ kind, value }) => [kind, value]));
}

/** A field that is missing is nothing to ask about. */
function evaluate(keyOf: (variables: Readonly<Record<string, unknown>>) => unknown, tagged: TaggedEvent): unknown {
  const { event, type } = tagged;
  const object = (text: string): unknown => (text === '' ? {} : JSON.parse(text));
  try {
    const { properties, traits, context } = tagged;
    const parts = { properties: object(properties), traits: object(traits), context: object(context) };
    return keyOf({ event: { event, type, identifiers: identifiersOf(tagged), ...parts } });
  } catch {
    return null;
  }
}
