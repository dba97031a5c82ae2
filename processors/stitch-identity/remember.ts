import { createHash } from 'node:crypto';
import { type KeyState, TICK } from '../../runtime/processor.ts';

/** Message ids of one span of time: eight bytes of each one's hash, in a row. A full one goes on in shards. */
interface Remembered {
  readonly ids: Buffer;
  readonly full: boolean;
}

const WIDTH = 8;
const MOST = 256 * WIDTH;
const SHARDS = 64;
const PREFIX = 'd';
const NEWEST = 'g';

/** Parts wanted for a record with this broker time. */
export function rememberParts(at: number, windowMs: number): readonly string[] {
  const span = Math.floor(at / windowMs);
  return [NEWEST, `${PREFIX}${span}`, `${PREFIX}${span - 1}`];
}

/**
 * True if the key has seen this message id: for certain within the last `windowMs` of broker time `at`, and no longer than
 * for twice that. Otherwise remembers it. Ids lie in one part per span, which a timer of the tick removes as a whole.
 */
export function seenBefore(state: KeyState, messageId: string, at: number, windowMs: number): boolean {
  const newest = state.get<number>(NEWEST);
  const span = Math.max(newest ?? Number.NEGATIVE_INFINITY, Math.floor(at / windowMs));
  const id = createHash('sha256').update(messageId).digest().subarray(0, WIDTH);
  for (const one of [span, span - 1]) if (holds(state, `${PREFIX}${one}`, id)) return true;
  if (span !== newest) state.set(NEWEST, span);
  add(state, `${PREFIX}${span}`, id, (span + 2) * windowMs);
  return false;
}

/** Drops a span whose time is over; false: the part is none of these. */
export function forgetSpan(state: KeyState, part: string): boolean {
  if (!part.startsWith(PREFIX)) return false;
  state.delete(part);
  return true;
}

function holds(state: KeyState, part: string, id: Buffer): boolean {
  const known = state.get<Remembered>(part);
  if (!known) return false;
  for (let i = 0; i < known.ids.length; i += WIDTH) if (known.ids.compare(id, 0, WIDTH, i, i + WIDTH) === 0) return true;
  return known.full && holds(state, shardOf(part, id), id);
}

function add(state: KeyState, part: string, id: Buffer, until: number): void {
  const known = state.get<Remembered>(part);
  if (known?.full) return add(state, shardOf(part, id), id, until);
  const ids = known ? Buffer.concat([known.ids, id]) : Buffer.from(id);
  const isShard = part.includes('.');
  state.set<Remembered>(part, { ids, full: !isShard && ids.length >= MOST }, { due: [{ clock: TICK, at: until }] });
}

function shardOf(part: string, id: Buffer): string {
  return `${part}.${(id[0] ?? 0) % SHARDS}`;
}
