import { type Context, type KeyState, type Processor, TICK } from './processor.ts';
import type { StreamRecord } from './record.ts';

/**
 * The parts of a key's state after these records and nothing else, by the processor's own code. Clocks have not begun, so nothing
 * is decided by time; what it sends is dropped. A record that it cannot take leaves nothing, as when it first came.
 */
export function foldRecords(processor: Processor, records: Iterable<StreamRecord>): Readonly<Record<string, unknown>> {
  let parts = new Map<string, unknown>();
  for (const record of records) {
    const before = new Map(parts);
    try {
      processor.process(record, contextOf(processor, stateOf(parts)));
    } catch {
      parts = before;
    }
  }
  return Object.fromEntries(parts);
}

function contextOf({ name }: Processor, state: KeyState): Context {
  return {
    task: { processor: name, partition: 0 },
    tick: 0,
    state,
    forward: () => undefined,
    reject: () => undefined,
    vouch: () => undefined,
    endOf: () => undefined,
    watermark: () => Number.NEGATIVE_INFINITY,
    clock: (clock) => (clock === TICK ? 0 : Number.NEGATIVE_INFINITY),
    count: () => undefined,
  };
}

function stateOf(parts: Map<string, unknown>): KeyState {
  return {
    get: <T>(part: string) => parts.get(part) as T | undefined,
    set: (part, value) => void parts.set(part, value),
    delete: (part) => void parts.delete(part),
    parts: () => [...parts.keys()].sort(),
  };
}
