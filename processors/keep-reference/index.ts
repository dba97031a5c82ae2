import { type Context, type Processor, TICK, type Timer } from '../../runtime/processor.ts';
import type { StreamRecord } from '../../runtime/record.ts';
import type { Topic } from '../../runtime/topic.ts';
import { compileCondition } from '../../schemas/cel.ts';
import type { SourceConfig, TableConfig } from '../../schemas/config.ts';
import type { ReferenceFact } from '../../schemas/generated/types.ts';
import { type ReferenceTold, rowKey } from '../../schemas/reference.ts';
import { referenceTopic, topics } from '../../schemas/topics.ts';
import { type Change, changeEvent, changesOf } from './changes.ts';
import { interestPart, isInterestPart, keepInterest, noteInterest, readInterest } from './interest.ts';
import { take, type Versions } from './versions.ts';

export interface KeepReferenceConfig {
  /** Sources of this deployment; those with a table count. */
  readonly sources: readonly SourceConfig[];
}

interface Table {
  readonly config: TableConfig;
  readonly changes: readonly Change[];
}

/** Part `v`: the versions of the row, and what the last fact was, for whoever becomes interested. */
const ROW = 'v';
interface Row {
  readonly table: string;
  readonly key: string;
  readonly versions: Versions;
  /** The last fact that was the newest. */
  readonly last: Extract<ReferenceTold, { kind: 'fact' }>;
}

/** Parts `c<shard>`: changes that are still to be told to those of the shard. */
const PENDING = 'c';
interface Pending {
  readonly event: string;
  readonly fact: Row['last'];
  /** JSON of the values before; null: there were none. */
  readonly before: string | null;
}

/**
 * Keeps the rows of reference tables: of each thing what its source says now and said before, by the source's own time. Every
 * fact is published to the table's compacted topic. What the table makes events of is told to those who are interested in the
 * row, and to nobody else: as events of the source, at their identifiers, a hundred in one transaction at most.
 */
export function keepReference({ sources }: KeepReferenceConfig): Processor {
  const tables = new Map(
    sources.flatMap(({ table }): [string, Table][] => {
      if (table === undefined) return [];
      const changes = table.changes.map(({ event, when, first }): Change => {
        const holds = when === null ? () => true : compileCondition(when, { variables: ['before', 'now'] });
        return { event, first, holds };
      });
      return [[table.name, { config: table, changes }]];
    }),
  );
  const outputs = [...tables.keys()].map((name) => referenceTopic(name));
  const topicOf = new Map(outputs.map((topic, i) => [[...tables.keys()][i] ?? '', topic]));

  function onFact(fact: Row['last'], { config, changes }: Table, context: Context): void {
    const { state } = context;
    const row = state.get<Row>(ROW);
    const values = JSON.stringify(fact.values);
    const { occurredAt: from, asOf, messageId } = fact;
    const { took, versions } = take(row?.versions ?? [], { from, asOf, messageId, values });
    context.count('facts', { reason: took });
    if (took === 'known') return;
    const last = took === 'late' && row !== undefined ? row.last : fact;
    const { forgetAfterMs } = config;
    const due = forgetAfterMs === null ? [] : [{ clock: TICK, at: context.tick + forgetAfterMs }];
    state.set<Row>(ROW, { table: fact.table, key: fact.key, versions, last }, { due });
    const record: ReferenceFact = { table: fact.table, key: fact.key, source: fact.source, versions };
    const topic = topicOf.get(fact.table);
    if (topic) context.forward(topic, fact.key, record, { 'message-id': fact.messageId, source: fact.source });
    if (took === 'late' || fact.mode !== 'live') return;
    const before = took === 'confirmed' ? values : (row?.versions[0]?.values ?? null);
    const told = changesOf(changes, before, values).map(({ event }): Pending => ({ event, fact, before }));
    if (told.length === 0) return;
    for (const part of state.parts().filter(isInterestPart)) {
      const pending = `${PENDING}${part}`;
      const waiting = state.get<readonly Pending[]>(pending) ?? [];
      state.set<readonly Pending[]>(pending, [...waiting, ...told], { due: [{ clock: TICK, at: now(context) }] });
    }
  }

  function onInterest(told: Extract<ReferenceTold, { kind: 'interest' }>, { config, changes }: Table, context: Context): void {
    if (config.interest === undefined) return;
    const { isNew, dropped } = noteInterest(context.state, config.interest, told, context.tick);
    if (dropped > 0) context.count('interest-dropped', {}, dropped);
    const row = context.state.get<Row>(ROW);
    if (!isNew || !told.live || row?.last.mode !== 'live') return;
    const first = changes.filter(({ first }) => first);
    for (const { event } of first) tellOne({ event, fact: row.last, before: null }, config, told, context);
  }

  /** One event for one who is interested. It happens to nobody before he became so. */
  function tellOne(
    { event, fact, before }: Pending,
    config: TableConfig,
    interested: Parameters<typeof changeEvent>[2],
    context: Context,
  ): void {
    const tagged = changeEvent({ event, fact, before, keyName: config.key }, now(context), interested);
    const headers = { 'message-id': tagged.messageId, source: tagged.source };
    context.forward(topics.eventsTagged, interested.who, tagged, headers);
    context.count('told', { reason: event });
  }

  function onTimer({ part, key }: Timer, context: Context): void {
    const { state } = context;
    const table = tables.get(key.slice(0, key.indexOf(' ')));
    if (part === ROW) return forget(context);
    const interest = table?.config.interest;
    if (table === undefined || interest === undefined) return state.delete(part);
    const shard = isInterestPart(part) ? part : part.slice(PENDING.length);
    const interested = readInterest(state, shard).filter(({ at }) => at + interest.withinMs >= context.tick);
    if (isInterestPart(part)) return keepInterest(state, shard, interested, interest);
    const pending = state.get<readonly Pending[]>(part) ?? [];
    state.delete(part);
    for (const change of pending) for (const one of interested) tellOne(change, table.config, one, context);
  }

  function forget(context: Context): void {
    const row = context.state.get<Row>(ROW);
    context.state.delete(ROW);
    const topic: Topic<ReferenceFact | null> | undefined = topicOf.get(row?.table ?? '');
    if (row && topic) context.forward(topic, row.key, null);
    context.count('forgotten');
  }

  return {
    name: 'keep-reference',
    inputs: [topics.referenceTold],
    outputs: [...outputs, topics.eventsTagged],
    upstream: ['source'],
    parts: ({ value }) => {
      const told = value as ReferenceTold;
      const interest = tables.get(told.table)?.config.interest;
      return told.kind === 'interest' && interest ? [ROW, interestPart(interest, told.who)] : [ROW];
    },
    timerParts: ({ part }) => (part.startsWith(PENDING) ? [part.slice(PENDING.length)] : []),
    process: ({ key, value }: StreamRecord, context) => {
      const told = value as ReferenceTold;
      const table = tables.get(told.table);
      if (table === undefined) return context.reject('process', `no source has the table ${told.table}`);
      if (key !== rowKey(told.table, told.key)) return context.reject('validate', 'key: expected table and key of the row');
      if (told.kind === 'fact') onFact(told, table, context);
      else onInterest(told, table, context);
    },
    onTimer,
  };
}

function now({ tick }: Context): number {
  return Number.isFinite(tick) ? tick : 0;
}
