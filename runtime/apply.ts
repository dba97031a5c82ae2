import type { Environment } from './environment.ts';
import { FreshetError } from './errors.ts';
import type { DecodedInput } from './inputs.ts';
import type { Processor, Timer } from './processor.ts';
import { header, type Headers, noHeaders, type Rejected, type StreamRecord } from './record.ts';
import type { TaskContext } from './task-context.ts';
import { isForAnother } from './replay.ts';
import { MAX_VALUE_BYTES } from './topic.ts';
import { partId } from './state/layout.ts';
import type { Overlay } from './state/overlay.ts';

/** failed: `process` threw. */
export type Applied = 'processed' | 'refused' | 'failed';

/** What throws through `process` without being its fault: the program is wrong, or the store does not answer. */
const faults: ReadonlySet<string> = new Set(['UNDECLARED_OUTPUT', 'STORE_CORRUPT', 'STORE_FULL', 'CLOSED']);

function isFault(error: unknown): boolean {
  return error instanceof FreshetError && faults.has(error.code);
}

/**
 * One record: processed whole, or refused whole. What throws is tried once more in its place, before the next record of
 * its key, and then goes to the rejected topic with the error. One replayed for another processor is passed over. Says what became of it.
 */
export function applyRecord(
  environment: Environment,
  processor: Processor,
  context: TaskContext,
  item: DecodedInput,
  now: number,
): Applied {
  const refuse = (step: Rejected['step'], reason: string): Applied => {
    const { raw } = item;
    // The rejected topic takes no more than others of ours: what is larger stays where it was read.
    const bytes = (raw.key?.length ?? 0) + (raw.value?.length ?? 0) + headerBytes(raw.headers);
    const isTaken = bytes <= MAX_VALUE_BYTES;
    context.begin(item.record?.key ?? '', noHeaders, now);
    context.refuse({
      topic: item.topic,
      partition: item.partition,
      offset: raw.offset,
      processor: processor.name,
      step,
      reason: isTaken ? reason : `${reason} (its ${bytes} bytes are only where it was read)`,
      source: header(raw.headers, 'source') ?? environment.sourceOfTopic.get(item.topic) ?? null,
      key: isTaken ? raw.key : null,
      value: isTaken ? raw.value : null,
      headers: isTaken ? { ...raw.headers } : {},
      timestamp: raw.timestamp,
      rejectedAt: now,
    });
    return step === 'process' ? 'failed' : 'refused';
  };
  const { record } = item;
  if (isForAnother(item.raw.headers, processor.name)) return 'processed';
  // It was refused when it was read first.
  if (!record && item.isAgain) return 'processed';
  if (!record) return refuse('decode', item.undecodable ?? 'The value cannot be decoded.');
  let failure: unknown;
  for (let attempt = 0; attempt < 2; attempt++) {
    context.begin(record.key, record.headers, now);
    try {
      processor.process(record, context);
      const rejected = context.accept();
      if (!rejected) return 'processed';
      refuse(rejected.step, rejected.reason);
      return 'refused';
    } catch (error) {
      context.discard();
      if (isFault(error)) throw error;
      failure = error;
    }
  }
  return refuse('process', `${processor.name} failed twice: ${failure instanceof Error ? failure.message : String(failure)}`);
}

/**
 * One timer. `onTimer` is called only if the part still has that due, which is taken off it unless the call sets the
 * part anew: so none fires twice, also after a restore.
 */
export function applyTimer(
  environment: Environment,
  processor: Processor,
  overlay: Overlay,
  context: TaskContext,
  timer: Timer,
  now: number,
): void {
  const id = partId(timer.key, timer.part);
  const cell = overlay.read(id);
  const meant = (due: { clock: string; at: number }): boolean => due.clock === timer.clock && due.at === timer.at;
  if (cell?.due.some(meant)) {
    const without = { ...cell, due: cell.due.filter((due) => !meant(due)) };
    fireTimer(environment, processor, context, timer, now, () => overlay.write(id, without));
  }
}

/** Tells the processor of a timer; what throws twice is counted and given up. `first` is done in any case. */
export function fireTimer(
  environment: Environment,
  processor: Processor,
  context: TaskContext,
  timer: Timer,
  now: number,
  first: () => void = () => undefined,
): void {
  for (let attempt = 0; ; attempt++) {
    context.begin(timer.key, noHeaders, now);
    first();
    try {
      processor.onTimer?.(timer, context);
      context.accept();
      break;
    } catch (error) {
      context.discard();
      if (isFault(error)) throw error;
      if (attempt === 0) continue;
      const reason = error instanceof Error ? error.message : String(error);
      environment.log('error', 'a timer failed twice and is given up', { processor: processor.name, part: timer.part, reason });
      context.begin(timer.key, noHeaders, now);
      context.count('timer-failed');
      first();
      context.accept();
      break;
    }
  }
}

function headerBytes(headers: Headers): number {
  let bytes = 0;
  for (const name in headers) bytes += name.length + (headers[name]?.length ?? 0);
  return bytes;
}

/** What `process` will read of these, as far as the processor can tell; one that throws here will throw again where it is caught. */
export function wantedParts(processor: Processor, records: readonly { readonly record: StreamRecord | undefined }[]): string[] {
  return records.flatMap(({ record }) => {
    try {
      return (record && processor.parts?.(record)?.map((part) => partId(record.key, part))) ?? [];
    } catch {
      // It is asked for when it is read.
      return [];
    }
  });
}
