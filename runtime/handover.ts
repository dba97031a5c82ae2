import {
  capClaims,
  forgettingHeld,
  freeClaims,
  HANDOVER_PART,
  isSettled,
  readHandover,
  standingStill,
  writeHandover,
} from './handover-state.ts';
import type { Context, Processor, Timer } from './processor.ts';
import type { StreamRecord } from './record.ts';
import type { Topic } from './topic.ts';

/**
 * Control record between the records of a key, told by whoever decides on the merge. `opening` lies under the winner's key,
 * the others under the loser's; `members` of `closing` are those who wrote under the loser's key, and each of them writes
 * one `sealed` (naming itself in `members`) behind its last record there.
 */
export interface HandoverMarker {
  /** opening | closing | sealed. */
  readonly kind: string;
  readonly loser: string;
  readonly winner: string;
  readonly members: readonly string[];
}

export interface HandoverOptions {
  /** The marker that a record with a value is, if it is one. */
  readonly marker: (record: StreamRecord) => HandoverMarker | undefined;
  /** Topic for the states on their way; several processors may share it. */
  readonly loop: Topic;
  /** Adds the parts of a key that has ended to the state at hand, that of `key`, each with the marks that it needs now. */
  readonly merge: (key: string, loser: string, parts: Readonly<Record<string, unknown>>, context: Context) => void;
  /** Last words of a key that ends, before its parts go to the winner. */
  readonly close?: (key: string, winner: string, context: Context) => void;
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
  | { readonly kind: 'absorbed'; readonly processor: string };

/**
 * A processor whose keys can end and hand their state to another, exactly once and behind the last record. The loser takes
 * records until closing and all seals are there, in whatever order they come, and no state is on its way to it; then it says
 * its last words, sends its parts to the winner in one message, and keeps nothing but to whom. From closing on it fires no
 * timer; the winner holds its own from the opening until the state has come. Part names beginning with `~` are the wrapper's.
 */
export function withHandover(processor: Processor, options: HandoverOptions): Processor {
  const { loop, sources = [] } = options;
  const withLoop = (topics: readonly Topic[]): readonly Topic[] => [...topics.filter(({ name }) => name !== loop.name), loop];
  const isMessage = ({ topic, value }: StreamRecord): boolean =>
    topic === loop.name && typeof value === 'object' && value !== null && 'processor' in value;
  const markerOf = (record: StreamRecord): HandoverMarker | undefined =>
    record.value === null ? undefined : options.marker(record);
  const isControl = (record: StreamRecord): boolean => isMessage(record) || markerOf(record) !== undefined;

  return {
    ...processor,
    inputs: withLoop(processor.inputs),
    outputs: withLoop(processor.outputs),
    parts: (record) => [HANDOVER_PART, ...(isControl(record) ? [] : (processor.parts?.(record) ?? []))],
    timerParts: (timer) => [HANDOVER_PART, ...(timer.part === HANDOVER_PART ? [] : (processor.timerParts?.(timer) ?? []))],
    process: (record, context) => {
      const marker = markerOf(record);
      if (marker) onMarker(record.key, marker, context);
      else if (isMessage(record)) onMessage(record.key, record.value as HandoverMessage, context);
      else if (readHandover(context).closedTo === null)
        processor.process(record, forgettingHeld(standingStill(context, sources)));
      else context.reject('process', 'the key has ended and its state has gone to another');
    },
    onTimer: (timer, context) => {
      const handover = readHandover(context);
      if (timer.part === HANDOVER_PART) fireHeld(timer, context);
      else if (isSettled(handover)) processor.onTimer?.(timer, forgettingHeld(context));
      else if (handover.openings.length > 0) writeHandover(context, { held: [...handover.held, timer] });
    },
  };

  function onMarker(key: string, { kind, loser, winner, members }: HandoverMarker, context: Context): void {
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
    } else writeHandover(context, { seals: [...new Set([...seals, ...members])] });
    endIfSealed(key, context);
  }

  function onMessage(key: string, message: HandoverMessage, context: Context): void {
    if (message.processor !== processor.name) return;
    if (message.kind === 'absorbed') return freeClaims(context, sources);
    const { closedTo } = readHandover(context);
    if (closedTo !== null) {
      context.count('handovers_followed');
      return context.forward(loop, closedTo, message);
    }
    const { openings, early } = readHandover(context);
    const isAwaited = openings.includes(message.from);
    writeHandover(
      context,
      isAwaited ? { openings: openings.filter((loser) => loser !== message.from) } : { early: [...early, message.from] },
    );
    options.merge(key, message.from, message.parts, forgettingHeld(standingStill(context, sources)));
    context.forward(loop, message.from, { kind: 'absorbed', processor: processor.name } satisfies HandoverMessage);
    if (!isAwaited) return;
    if (isSettled(readHandover(context))) freeClaims(context, sources);
    endIfSealed(key, context);
  }

  function endIfSealed(key: string, context: Context): void {
    const { closing, seals, openings } = readHandover(context);
    if (closing === null || openings.length > 0 || !closing.members.every((member) => seals.includes(member))) return;
    const { winner } = closing;
    options.close?.(key, winner, context);
    const { state } = context;
    const names = state.parts().filter((part) => !part.startsWith(HANDOVER_PART));
    const parts = Object.fromEntries(names.map((part) => [part, state.get(part)]));
    for (const part of names) state.delete(part);
    writeHandover(context, { closing: null, seals: [], early: [], held: [], closedTo: winner });
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
