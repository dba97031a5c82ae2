import type { Environment } from './environment.ts';
import { FreshetError } from './errors.ts';
import { fireTimer } from './apply.ts';
import { type Processor, REVISION, type Revision } from './processor.ts';
import { seededAt, sweptAt } from './revision-times.ts';
import { dataKey, partId, prefixEnd, splitId } from './state/layout.ts';
import type { Overlay } from './state/overlay.ts';
import type { Store } from './state/store.ts';
import type { TaskContext } from './task-context.ts';

/** How far a task has come with a revision; part of its position, and so of its changelog. */
export interface RevisionPosition {
  readonly number: number;
  /** What is read again: the next offset, and the end, exclusive. */
  readonly next: number;
  readonly until: number;
  /** Everything up to this id has been visited; null: all. */
  readonly swept: string | null;
}

/** Entries of the store that one page looks at. */
const PAGE = 500;

/**
 * A revision under way in one task. The claims of all tasks are its barrier: when a task adopts `seededAt`, every task has read again
 * and what they sent one another for that has been read. Then the keys are visited, page by page, between the records that come in.
 */
export class RevisionRun {
  readonly #revision: Revision;
  #swept: string | null;

  private constructor(revision: Revision, swept: string | null) {
    this.#revision = revision;
    this.#swept = swept;
  }

  /** Goes on from a position. One of a later revision is not for this process: FORMAT_MISMATCH. */
  static resume({ name, revision }: Processor, saved: RevisionPosition | undefined): RevisionRun | undefined {
    const number = revision?.number ?? 0;
    if (saved !== undefined && saved.number > number)
      throw new FreshetError(
        'FORMAT_MISMATCH',
        `${name} has been run by other rules since (revision ${saved.number}, this process has ${number}): start it with those`,
      );
    if (revision === undefined) return undefined;
    return new RevisionRun(revision, saved?.number === number ? saved.swept : '');
  }

  get number(): number {
    return this.#revision.number;
  }

  /** For the position of the task, in the transaction at hand. */
  position({ next, until }: { readonly next: number; readonly until: number }): RevisionPosition {
    return { number: this.number, next, until, swept: this.#swept };
  }

  /** What may be claimed by what has been committed. */
  claim({ next, until }: { readonly next: number; readonly until: number }): number {
    if (next < until) return seededAt(this.number) - 1 + Math.floor((100 * next) / until) / 100;
    return this.#swept === null ? sweptAt(this.number) : seededAt(this.number);
  }

  /** Keys wait to be visited. */
  isDue(adopted: number): boolean {
    return this.#swept !== null && adopted >= seededAt(this.number);
  }

  /** Visits the keys of one page: their part is told of REVISION as of a due. */
  page(environment: Environment, processor: Processor, store: Store, overlay: Overlay, context: TaskContext, now: number): void {
    const after = this.#swept ?? '';
    const gte = after === '' ? dataKey('') : Buffer.concat([dataKey(after), Buffer.of(0)]);
    const { page: limit = PAGE } = this.#revision;
    const entries = store.scan({ gte, lt: prefixEnd(dataKey('')), limit });
    for (const entry of entries) {
      const { key, part } = splitId(entry.key.toString('utf8', 1));
      if (part !== this.#revision.part || overlay.read(partId(key, part)) === undefined) continue;
      const timer = { key, part, clock: REVISION, at: seededAt(this.number) };
      fireTimer(environment, processor, context, timer, now);
    }
    const last = entries.at(-1);
    this.#swept = entries.length < limit || last === undefined ? null : last.key.toString('utf8', 1);
  }
}
