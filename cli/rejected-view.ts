import { header } from '../runtime/record.ts';
import { originOf, type RejectedEntry } from './rejected-log.ts';
import type { Readable } from './rejected-value.ts';

const columns = ['id', 'rejected', 'step', 'source', 'was at', 'state'] as const;
const instant = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

/** What `list --json` says of an entry: nothing that the sender wrote. */
export function listed(entry: RejectedEntry): Record<string, unknown> {
  const { id, rejected, replayedAt, replayOf } = entry;
  const { processor, step, reason, source } = rejected;
  return {
    id,
    rejectedAt: new Date(rejected.rejectedAt).toISOString(),
    processor,
    step,
    reason,
    source,
    topic: rejected.topic,
    origin: originOf(rejected) ?? null,
    replayedAt: replayedAt === undefined ? null : new Date(replayedAt).toISOString(),
    replayOf: replayOf ?? null,
  };
}

/** A table, a line for each entry, cut to `width`; the reason last. */
export function table(entries: readonly RejectedEntry[], width: number): readonly string[] {
  const rows = entries.map(({ id, rejected, replayedAt, replayOf }) => [
    id,
    instant(rejected.rejectedAt),
    `${rejected.processor} ${rejected.step}`,
    rejected.source ?? '-',
    originOf(rejected) ?? '-',
    replayedAt !== undefined ? 'replayed' : replayOf === undefined ? 'open' : `again, ${replayOf}`,
    rejected.reason,
  ]);
  const heads = columns.map((name) => name.toUpperCase());
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .slice(0, width)
      .trimEnd();
  return rows.length === 0 ? [] : [line([...heads, 'REASON']), ...rows.map(line)];
}

/** How many entries there are of each kind, the most frequent first: what broke, at a glance. */
export class ReasonTally {
  readonly #groups = new Map<string, { count: number; last: number }>();
  #open = 0;
  #replayed = 0;

  add({ rejected, replayedAt }: RejectedEntry): void {
    if (replayedAt !== undefined) this.#replayed += 1;
    else {
      this.#open += 1;
      const { source, processor, step, reason, rejectedAt } = rejected;
      // Places differ from record to record of the same fault.
      const group = `${source ?? '-'}, ${processor} ${step}: ${reason.replace(/\d+/g, '#')}`;
      const { count = 0, last = 0 } = this.#groups.get(group) ?? {};
      this.#groups.set(group, { count: count + 1, last: Math.max(last, rejectedAt) });
    }
  }

  /** In lines, with at most so many groups. */
  lines(most = 10): readonly string[] {
    const groups = [...this.#groups].sort(([, a], [, b]) => b.count - a.count);
    const shown = groups
      .slice(0, most)
      .map(([group, { count, last }]) => `  ${String(count).padStart(7)}  ${group}  (last ${instant(last)})`);
    const more = groups.length > most ? [`  and ${groups.length - most} other reasons`] : [];
    return [`${this.#open} open, ${this.#replayed} replayed`, ...shown, ...more];
  }
}

/** An entry whole, personal data and all, for the operator who asked for it. */
export function shown(entry: RejectedEntry, value: Readable): Record<string, unknown> {
  const { rejected } = entry;
  const key = rejected.key?.toString('utf8') ?? null;
  const headers = Object.fromEntries(Object.keys(rejected.headers).map((name) => [name, header(rejected.headers, name)]));
  const timestamp = rejected.timestamp === null ? null : new Date(rejected.timestamp).toISOString();
  const { kind: _, ...content } = value.kind === 'json' ? { kind: value.kind, value: value.json } : value;
  return { ...listed(entry), timestamp, key, headers, bytes: rejected.value?.length ?? 0, ...content };
}

/** As `shown`, for people. */
export function details(entry: RejectedEntry, value: Readable): readonly string[] {
  const { value: _, text: _text, hex: _hex, headers, ...facts } = shown(entry, value);
  const named = Object.entries(facts).map(
    ([name, fact]) => `${name.padEnd(12)}${typeof fact === 'string' ? fact : fact === null ? '-' : JSON.stringify(fact)}`,
  );
  const own = Object.entries(headers as Record<string, string>).map(([name, given]) => `  ${name}: ${given}`);
  const content = contentOf(value);
  return [...named, 'headers', ...own, `value (${value.kind})`, content];
}

function contentOf(value: Readable): string {
  if (value.kind === 'json') return JSON.stringify(value.json, undefined, 2);
  if (value.kind === 'none') return '(no value)';
  return value.kind === 'text' ? value.text : value.hex;
}
