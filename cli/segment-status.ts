import { howFar } from '../runtime/revision-times.ts';
import { createSerdes } from '../schemas/serdes.ts';
import { SHADOW } from '../processors/evaluate-segments/segment.ts';
import { loadWorkspace } from '../workspace/load.ts';
import { connect } from './cluster.ts';
import { jsonLog } from './log.ts';
import { hashOf, readRules, type RulesRow, type RulesState } from './segment-rules.ts';
import type { Settings } from './settings.ts';
import type { WorkspaceChoice } from './validate.ts';

/** How one segment stands. */
export interface SegmentStatus {
  readonly segment: string;
  readonly mode: 'live' | 'shadow';
  /** Version that decides for customers who have not turned to the newest rules; null: none did. */
  readonly decides: string | null;
  /** Version of the newest rules; null: there it is no more. */
  readonly newest: string | null;
}

/** How far a deployment is with the newest rules of its segments. */
export interface RulesStatus {
  readonly generation: number;
  /** When it came, epoch milliseconds. */
  readonly since: number;
  /** By task: the share of what is read again that has been read, from 0 to 1. */
  readonly shares: readonly number[];
  /** How many tasks have turned all their customers; equal to the number of tasks: it is in force. */
  readonly turned: number;
  readonly segments: readonly SegmentStatus[];
  /** Rules that look further back than this do not know what came before; null: nothing had been deleted. Epoch milliseconds. */
  readonly completeFrom: number | null;
}

/** Undefined where no rules have run yet. */
export function rulesStatus({ rows, claims }: RulesState): RulesStatus | undefined {
  const now = rows.at(-1);
  if (now === undefined) return undefined;
  const isFirst = now.base === null;
  const far = claims.map((claimed) => (isFirst ? { share: 1, isTurned: true } : howFar(claimed, now.number)));
  const turned = far.filter(({ isTurned }) => isTurned).length;
  const before = turned === claims.length ? now : (rows.find(({ number }) => number === now.base) ?? now);
  const keys = [...new Set([...before.segments, ...now.segments].map(({ key }) => key))].sort();
  const versionIn = ({ segments }: RulesRow, key: string): string | null =>
    segments.find((segment) => segment.key === key)?.version ?? null;
  return {
    generation: now.number,
    since: now.at,
    shares: far.map(({ share }) => share),
    turned,
    completeFrom: now.completeFrom,
    segments: keys.map((key) => ({
      segment: key.startsWith(SHADOW) ? key.slice(SHADOW.length) : key,
      mode: key.startsWith(SHADOW) ? 'shadow' : 'live',
      decides: versionIn(before, key),
      newest: versionIn(now, key),
    })),
  };
}

/** The same for people, a segment a line. */
export function statusLines({ generation, since, shares, turned, segments, completeFrom }: RulesStatus): readonly string[] {
  const width = Math.max(8, ...segments.map(({ segment }) => segment.length));
  const percent = (share: number): string => `${Math.floor(share * 100)} %`;
  const least = Math.min(1, ...shares);
  const state =
    turned === shares.length
      ? 'in force'
      : least < 1
        ? `seeding: ${percent(shares.reduce((all, share) => all + share, 0) / Math.max(1, shares.length))} of what is retained read again, the slowest task ${percent(least)}`
        : `customers turn to it: ${turned} of ${shares.length} tasks are done`;
  const short = (version: string | null): string => version?.slice(0, 15) ?? '';
  const what = ({ decides, newest }: SegmentStatus): string => {
    if (newest === null) return `goes: ${short(decides)} decides until it is emptied`;
    if (decides === newest) return 'in force';
    return decides === null ? 'comes' : `edited: ${short(decides)} decides until then`;
  };
  return [
    `rules ${generation}, since ${new Date(since).toISOString()}: ${state}`,
    ...(completeFrom === null
      ? []
      : [
          `what came before ${new Date(completeFrom).toISOString()} was no longer there, and counts in no leaf that is new in it`,
        ]),
    ...segments.map((each) => {
      const version = short(each.newest ?? each.decides).padEnd(15);
      return `${each.segment.padEnd(width)}  ${version}  ${each.mode.padEnd(6)}  ${what(each)}`;
    }),
  ];
}

/** Prints how far a deployment is with the newest rules of its segments, and whether the files here are these. */
export async function printStatus(
  choice: WorkspaceChoice & { readonly settings: Settings; readonly json?: boolean },
): Promise<void> {
  const { settings, workspace, profile, json } = choice;
  const { segments } = await loadWorkspace(workspace, process.env, profile === undefined ? {} : { profile });
  const log = jsonLog((line) => process.stderr.write(line), 'error');
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const connection = await connect(settings, { clientId: 'freshet-segments', log, say, embedded: 'find' });
  try {
    const { prefix, partitions } = settings;
    const serdes = createSerdes({ registry: connection.registry, prefix });
    const state = await readRules({ kafka: connection.kafka, serdes, prefix, partitions });
    const status = rulesStatus(state);
    if (json === true) return void process.stdout.write(`${JSON.stringify(status ?? null)}\n`);
    const isHere = state.rows.at(-1)?.hash === hashOf(segments);
    const note = isHere ? [] : ['the segments in this workspace are others: they begin with the next start'];
    const lines = status === undefined ? ['no rules have run yet'] : statusLines(status);
    process.stdout.write(`${[...lines, ...note].join('\n')}\n`);
  } finally {
    await connection.close();
  }
}
