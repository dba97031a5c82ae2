import { createHash } from 'node:crypto';
import { FreshetError } from '../../../runtime/errors.ts';
import { compileCel, compileCondition } from '../../../schemas/cel.ts';
import type { PollConfig } from '../../../schemas/config.ts';
import { NoAnswer, retryAfter, wholeBody } from '../http-answer.ts';
import type { PollState } from './state.ts';

/** What an answer brought. `unchanged`: it is the last one once more. */
export interface Answer {
  readonly kind: 'new' | 'unchanged';
  readonly items: readonly unknown[];
  /** More is there, to be asked for at once. */
  readonly more: boolean;
  readonly state: Omit<PollState, 'askedAt' | 'partly'>;
  /** SHA-256 of the answer; null where nothing came. */
  readonly digest: string | null;
}

export type Ask = (state: PollState | undefined, signal: AbortSignal) => Promise<Answer>;

/** An answer may be so large. */
const MOST_BYTES = 32 * 1024 * 1024;

/** Asks by HTTP, with what the last answer gave to ask by; rejects with NoAnswer, whose message holds nothing of the answer. */
export function asker(poll: PollConfig, http: typeof fetch): Ask {
  const items = poll.items === null ? undefined : compileCel(poll.items, { variables: ['body'], path: ['poll', 'items'] });
  const { cursor } = poll;
  const next = cursor === null ? undefined : compileCel(cursor.next, { variables: ['body'], path: ['poll', 'cursor', 'next'] });
  const more =
    cursor === null || cursor.more === null
      ? undefined
      : compileCondition(cursor.more, { variables: ['body'], path: ['poll', 'cursor', 'more'] });
  return async (last, signal) => {
    const at = last?.cursor || (cursor?.first ?? '');
    const response = await question(poll, at, last, http, signal);
    const before = {
      cursor: at,
      etag: last?.etag ?? null,
      lastModified: last?.lastModified ?? null,
      digest: last?.digest ?? null,
    };
    if (response.status === 304) {
      await response.body?.cancel();
      return { kind: 'unchanged', items: [], more: false, state: before, digest: null };
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw new NoAnswer(`answered with ${response.status}`, retryAfter(response));
    }
    const bytes = await wholeBody(response, MOST_BYTES);
    const digest = createHash('sha256').update(bytes).digest('base64url');
    const state = { ...before, digest, etag: response.headers.get('etag'), lastModified: response.headers.get('last-modified') };
    // A page further on may look the same and is not.
    if (digest === last?.digest && cursor === null) return { kind: 'unchanged', items: [], more: false, state, digest };
    try {
      const body: unknown = JSON.parse(bytes.toString('utf8'));
      const found = items === undefined ? body : items({ body });
      const list: readonly unknown[] = Array.isArray(found) ? found : [found];
      const moved = next?.({ body });
      const following =
        moved === null || moved === undefined ? at : typeof moved === 'string' ? moved : JSON.stringify(plain(moved));
      // What stays where it is would be asked for without an end.
      return {
        kind: 'new',
        items: list,
        more: following !== at && more?.({ body }) === true,
        // The marks belong to the answer to this question: with another cursor another one is asked.
        state: following === at ? state : { ...state, cursor: following, etag: null, lastModified: null },
        digest,
      };
    } catch (error) {
      const why = error instanceof FreshetError ? error.message : 'it is not JSON';
      throw new NoAnswer(`the answer cannot be used: ${why}`, undefined, { cause: error });
    }
  };
}

async function question(
  { url, headers, timeoutMs, cursor }: PollConfig,
  at: string,
  last: PollState | undefined,
  http: typeof fetch,
  signal: AbortSignal,
): Promise<Response> {
  const sameQuestion = cursor === null || at === last?.cursor;
  const conditions = {
    ...(last?.etag && sameQuestion ? { 'if-none-match': last.etag } : {}),
    ...(last?.lastModified && sameQuestion ? { 'if-modified-since': last.lastModified } : {}),
  };
  try {
    return await http(url.replaceAll('{cursor}', encodeURIComponent(at)), {
      headers: { accept: 'application/json', ...headers, ...conditions },
      // Credentials go to the address that was declared and to no other.
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
  } catch (error) {
    const late = error instanceof Error && error.name === 'TimeoutError';
    throw new NoAnswer(late ? `no answer within ${timeoutMs / 1000} s` : 'cannot be reached', undefined, { cause: error });
  }
}

/** CEL counts in bigints, which JSON does not know. */
function plain(value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
