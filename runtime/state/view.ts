import { dataKey, decodeCell, partId, prefixEnd } from './layout.ts';
import type { Store } from './store.ts';

/** All parts of a key as the store holds them: committed, and maybe a transaction behind what was published. */
export function partsOf(store: Store, key: string): ReadonlyMap<string, unknown> {
  const prefix = dataKey(partId(key, ''));
  const entries = store.scan({ gte: prefix, lt: prefixEnd(prefix) });
  return new Map(entries.map(({ key: id, value }) => [id.toString('utf8', prefix.length), decodeCell(value).value]));
}
