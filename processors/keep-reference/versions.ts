import type { ReferenceVersion } from '../../schemas/generated/types.ts';

/** What is kept of a row: the newest first. */
export type Versions = readonly ReferenceVersion[];

const MOST_VERSIONS = 8;

/** What a source says of a row. */
export type Said = ReferenceVersion;

/** What became of it. `changed`: it is the newest; `confirmed`: it says what was known already, as of later; `late`: something newer is known. */
export type Took = 'changed' | 'confirmed' | 'late' | 'known';

/**
 * Takes it in. The newest is the one whose source vouches for it as of last, whatever arrives when; of two as of one moment the
 * one with the greater id.
 */
export function take(versions: Versions, said: Said): { readonly took: Took; readonly versions: Versions } {
  const [newest] = versions;
  if (newest !== undefined && newest.values === said.values && said.from >= newest.from) {
    if (said.asOf <= newest.asOf) return { took: 'known', versions };
    return { took: 'confirmed', versions: [{ ...newest, asOf: said.asOf }, ...versions.slice(1)] };
  }
  if (versions.some(({ messageId }) => messageId === said.messageId)) return { took: 'known', versions };
  const isNewest = newest === undefined || after(said, newest);
  const all = [...versions, said].toSorted((a, b) => (after(a, b) ? -1 : 1)).slice(0, MOST_VERSIONS);
  return { took: isNewest ? 'changed' : 'late', versions: all };
}

function after(one: ReferenceVersion, other: ReferenceVersion): boolean {
  return one.asOf > other.asOf || (one.asOf === other.asOf && one.messageId > other.messageId);
}
