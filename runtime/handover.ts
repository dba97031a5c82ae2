import { againName } from './again.ts';
import {
  capClaims,
  forgettingHeld,
  freeClaims,
  handedOn,
  HANDOVER_PART,
  isSettled,
  readHandover,
  standingStill,
  takenOn,
  writeHandover,
} from './handover-state.ts';
import type { Context, Processor, Timer } from './processor.ts';
import { noHeaders, type StreamRecord } from './record.ts';
import type { Topic } from './topic.ts';

/**
 * Control record between the records of a key, told by whoever decides on the merge. `opening` lies under the winner's key,
 * the others under the loser's; `members` of `closing` are those who wrote under the loser's key, and each of them writes
 * one `sealed` (naming itself in `members`) behind its last record there. `dividing` is a `closing` with several winners, the
 * heirs, under each of whose keys an `opening` lies.
 */
export interface HandoverMarker {
  /** opening | closing | dividing | sealed. */
  readonly kind: string;
  readonly loser: string;
  readonly winner: string;
  readonly members: readonly string[];
  readonly heirs?: readonly string[];
}

/** Why a state comes to a key. */
export type HandoverCause = 'merge' | 'split';

export interface HandoverOptions {
  /** The marker that a record with a value is, if it is one. */
  readonly marker: (record: StreamRecord) => HandoverMarker | undefined;
  /** Topic for the states on their way; several processors may share it. */
  readonly loop: Topic;
  /**
   * Adds the parts of a key that has ended to the state at hand, that of `key`, each with the marks that it needs now. After a
   * split these are the parts that the ended key left to its heirs, and those folded from the records that are this one's.
   */
  readonly merge: (
    key: string,
    loser: string,
    parts: Readonly<Record<string, unknown>>,
    context: Context,
    cause: HandoverCause,
  ) => void;
  /** Last words of a key that ends, before its parts go to the winner. */
  readonly close?: (key: string, winner: string, context: Context) => void;
  /** Last words of a key that is divided. What it leaves of its parts goes to every heir; default: nothing. */
  readonly divide?: (key: string, heirs: readonly string[], context: Context) => void;
  /** Topic for wishes that the heirs of a key be given what its records say of each (`SeedWish`); without one keys cannot be divided. */
  readonly seeds?: Topic;
  /** Sources whose claims stay where they are while a state is on its way. */
  readonly sources?: readonly string[];
}

/** What goes over the loop topic; `processor` says whose it is. */
export type HandoverMessage =
  | {
      readonly kind: 'absorb';
      readonly processor: string;
      readonly from: string;
      readonly parts: Readonly<Record<string, unknown>>;
    }
  /** What is an heir's of a key that was divided, any number of times: the first one counts. */
  | {
      readonly kind: 'seed';
      readonly processor: string;
      readonly from: string;
      readonly parts: Readonly<Record<string, unknown>>;
    }
  /** `by`: the heir, after a split. */
  | { readonly kind: 'absorbed'; readonly processor: string; readonly by?: string }
  /** A record that is read again under a key that has ended; answered, since the revision waits for it. */
  | {
      readonly kind: 'again';
      readonly processor: string;
      readonly from: string;
      readonly revision: number;
      readonly record: Pick<StreamRecord, 'topic' | 'offset' | 'timestamp' | 'value'>;
    }
  | { readonly kind: 'taken'; readonly processor: string; readonly revision: number };

/** On the topic of seeds, under the key `processor/from`: `from` has ended, all its records are written, and its heirs wait for seeds. */
export interface SeedWish {
  readonly kind: 'wish';
  readonly processor: string;
  readonly from: string;
  readonly heirs: readonly string[];
  /** To be sent to each heir beside what is folded for it. */
  readonly parts: Readonly<Record<string, unknown>>;
}

/**
 * A processor whose keys can end and hand their state to another, exactly once and behind the last record. The loser takes
 * records until closing and all seals are there, in whatever order they come, and no state is on its way to it; then it says
 * its last words, sends its parts to the winner in one message, and keeps nothing but to whom. From closing on it fires no
 * timer; the winner holds its own from the opening until the state has come. Part names beginning with `~` are the wrapper's.
 * A key that is divided ends in the same way, but its parts hold what nobody can take apart: it wishes for seeds, and somebody
 * who can read what was written under it folds them for each heir.
 */
export function withHandover(processor: Processor, options: HandoverOptions): Processor {
  const { loop, seeds, sources = [] } = options;
  const { revision } = processor;
  const withLoop = (topics: readonly Topic[]): readonly Topic[] => [...topics.filter(({ name }) => name !== loop.name), loop];
  const isMessage = ({ topic, value }: StreamRecord): boolean =>
    topic === loop.name && typeof value === 'object' && value !== null && 'processor' in value;
  const markerOf = (record: StreamRecord): HandoverMarker | undefined =>
    record.value === null ? undefined : options.marker(record);
  const isControl = (record: StreamRecord): boolean => isMessage(record) || markerOf(record) !== undefined;

  return {
    ...processor,
    inputs: withLoop(processor.inputs),
    outputs: [...withLoop(processor.outputs), ...(seeds ? [seeds] : [])],
    parts: (record) => [HANDOVER_PART, ...(isControl(record) ? [] : (processor.parts?.(record) ?? []))],
    timerParts: (timer) => [HANDOVER_PART, ...(timer.part === HANDOVER_PART ? [] : (processor.timerParts?.(timer) ?? []))],
    process: (record, context) => {
      const marker = markerOf(record);
      if (marker) onMarker(record.key, marker, context);
      else if (isMessage(record)) onMessage(record.key, record.value as HandoverMessage, context);
      else if (readHandover(context).closedTo === null)
        processor.process(record, forgettingHeld(standingStill(context, sources)));
      else if (isReadAgain(record)) handOn(record, context);
      else context.reject('process', 'the key has ended and its state has gone to another');
    },
    onTimer: (timer, context) => {
      const handover = readHandover(context);
      if (timer.part === HANDOVER_PART) fireHeld(timer, context);
      else if (isSettled(handover)) processor.onTimer?.(timer, forgettingHeld(context));
      else if (handover.openings.length > 0) writeHandover(context, { held: [...handover.held, timer] });
    },
  };

  function onMarker(key: string, { kind, loser, winner, members, heirs }: HandoverMarker, context: Context): void {
    const { openings, early, seals, closedTo } = readHandover(context);
    if (closedTo !== null) return context.reject('process', `a marker (${kind}) has come after the end of the key`);
    if (kind === 'opening') {
      if (early.includes(loser)) return writeHandover(context, { early: early.filter((one) => one !== loser) });
      capClaims(context, sources);
      return writeHandover(context, { openings: [...openings, loser] });
    }
    if (kind === 'closing') {
      capClaims(context, sources);
      writeHandover(context, { closing: { winner, members } });
    } else if (kind === 'dividing') {
      if (heirs === undefined || seeds === undefined) return context.reject('process', 'the key cannot be divided');
      capClaims(context, sources);
      writeHandover(context, { closing: { winner: '', members, heirs } });
    } else writeHandover(context, { seals: [...new Set([...seals, ...members])] });
    endIfSealed(key, context);
  }

  function onMessage(key: string, message: HandoverMessage, context: Context): void {
    if (message.processor !== processor.name) return;
    if (message.kind === 'absorbed') return onAbsorbed(message.by, context);
    if (message.kind === 'taken') return takenOn(context, message.revision);
    const { closedTo, seeded = [] } = readHandover(context);
    if (message.kind === 'seed' && seeded.includes(message.from)) return context.count('seeds_repeated');
    if (closedTo !== null) {
      context.count('handovers_followed');
      return context.forward(loop, closedTo, message);
    }
    if (message.kind === 'again') return readAgain(key, message, context);
    const { openings, early } = readHandover(context);
    const isAwaited = openings.includes(message.from);
    writeHandover(context, {
      ...(isAwaited ? { openings: openings.filter((loser) => loser !== message.from) } : { early: [...early, message.from] }),
      ...(message.kind === 'seed' && { seeded: [...seeded, message.from] }),
    });
    const cause = message.kind === 'seed' ? 'split' : 'merge';
    options.merge(key, message.from, message.parts, forgettingHeld(standingStill(context, sources)), cause);
    const done = { kind: 'absorbed', processor: processor.name, ...(cause === 'split' && { by: key }) } as const;
    context.forward(loop, message.from, done satisfies HandoverMessage);
    if (!isAwaited) return;
    if (isSettled(readHandover(context))) freeClaims(context, sources);
    endIfSealed(key, context);
  }

  function onAbsorbed(by: string | undefined, context: Context): void {
    const { awaits = [] } = readHandover(context);
    const left = awaits.filter((heir) => heir !== by);
    if (left.length < awaits.length) writeHandover(context, { awaits: left });
    if (left.length === 0) freeClaims(context, sources);
  }

  function isReadAgain({ topic }: StreamRecord): boolean {
    return revision?.again !== undefined && topic === againName(revision.again.name);
  }

  /** What is read again of a key that has ended is of the one that goes on; the revision waits until it has been taken in there. */
  function handOn({ topic, offset, timestamp, value, key }: StreamRecord, context: Context): void {
    const { closedTo, awaits } = readHandover(context);
    if (closedTo === null || revision === undefined) return;
    // Which heir's it is, only who knows their lineage can tell.
    if (awaits !== undefined) return context.count('again-divided');
    handedOn(context, revision.number);
    const record = { topic, offset, timestamp, value };
    const message = { kind: 'again', processor: processor.name, from: key, revision: revision.number, record } as const;
    context.forward(loop, closedTo, message satisfies HandoverMessage);
  }

  function readAgain(key: string, message: Extract<HandoverMessage, { kind: 'again' }>, context: Context): void {
    // Of a revision that another has replaced: that one reads it again as well.
    if (message.revision === revision?.number) {
      const record = { ...message.record, partition: context.task.partition, key, headers: noHeaders };
      processor.process(record, forgettingHeld(standingStill(context, sources)));
    }
    const answer = { kind: 'taken', processor: processor.name, revision: message.revision } as const;
    context.forward(loop, message.from, answer satisfies HandoverMessage);
  }

  function endIfSealed(key: string, context: Context): void {
    const { closing, seals, openings } = readHandover(context);
    if (closing === null || openings.length > 0 || !closing.members.every((member) => seals.includes(member))) return;
    const { winner, heirs } = closing;
    const { state } = context;
    if (heirs === undefined) options.close?.(key, winner, context);
    else if (options.divide) options.divide(key, heirs, standingStill(context, sources));
    else for (const part of state.parts()) if (!part.startsWith(HANDOVER_PART)) state.delete(part);
    const names = state.parts().filter((part) => !part.startsWith(HANDOVER_PART));
    const parts = Object.fromEntries(names.map((part) => [part, state.get(part)]));
    for (const part of names) state.delete(part);
    writeHandover(context, { closing: null, seals: [], early: [], held: [], closedTo: heirs?.[0] ?? winner });
    if (heirs !== undefined && seeds !== undefined) {
      writeHandover(context, { awaits: heirs });
      const wish: SeedWish = { kind: 'wish', processor: processor.name, from: key, heirs, parts };
      return context.forward(seeds, `${processor.name}/${key}`, wish);
    }
    context.forward(loop, winner, { kind: 'absorb', processor: processor.name, from: key, parts } satisfies HandoverMessage);
  }

  /** One after the other, as one of them may write the part that another was held for. */
  function fireHeld({ clock, at }: Timer, context: Context): void {
    for (;;) {
      const { held } = readHandover(context);
      const next = held.find((timer) => timer.clock === clock && timer.at === at);
      if (!next) return;
      writeHandover(context, { held: held.filter((timer) => timer !== next) });
      processor.onTimer?.(next, forgettingHeld(context));
    }
  }
}
