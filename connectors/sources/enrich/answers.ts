import type { Kept } from './state.ts';

interface Row extends Kept {
  /** Characters of the answer. */
  readonly size: number;
  /** Opaque keys of the customers who have been told. */
  readonly told: Set<string>;
}

/** Answers of one source may take so many characters together, and be so many; beyond it the oldest are asked for again. */
const MOST = { size: 32 * 1024 * 1024, rows: 100_000 };

/** What has been answered and is still fresh, by the opaque key of what was asked about, the oldest first. */
export class Answers {
  readonly #freshForMs: number;
  readonly #most: typeof MOST;
  readonly #rows = new Map<string, Row>();
  #size = 0;

  constructor(freshForMs: number, most: typeof MOST = MOST) {
    this.#freshForMs = freshForMs;
    this.#most = most;
  }

  /** The answer, where it is fresh at `now`. */
  get(hash: string, now: number): Row | undefined {
    const row = this.#rows.get(hash);
    return row !== undefined && now - row.askedAt < this.#freshForMs ? row : undefined;
  }

  set(hash: string, { answer, askedAt }: Kept): Row {
    this.#delete(hash);
    const row = { answer, askedAt, size: JSON.stringify(answer).length + hash.length, told: new Set<string>() };
    this.#rows.set(hash, row);
    this.#size += row.size;
    return row;
  }

  /** Drops what is no longer fresh or one too many, up to `atMost` of them, and says which. */
  drop(now: number, atMost: number): readonly string[] {
    const gone: string[] = [];
    for (const [hash, { askedAt }] of this.#rows) {
      const isFull = this.#size > this.#most.size || this.#rows.size > this.#most.rows;
      if (gone.length >= atMost || (now - askedAt < this.#freshForMs && !isFull)) break;
      this.#delete(hash);
      gone.push(hash);
    }
    return gone;
  }

  #delete(hash: string): void {
    this.#size -= this.#rows.get(hash)?.size ?? 0;
    this.#rows.delete(hash);
  }
}
