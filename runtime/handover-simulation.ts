import { noHeaders, type StreamRecord } from './record.ts';
import { type Context, type Due, type KeyState, type Marks, type Processor, TICK, type Timer } from './processor.ts';
import type { Topic } from './topic.ts';

/** Repeatable random numbers from 0 up to 1 (mulberry32), for tests. */
export function seededRandom(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

interface Cell {
  readonly value: unknown;
  readonly marks: Marks;
}

interface Message {
  readonly topic: string;
  readonly key: string;
  readonly value: unknown;
}

interface Keyed {
  readonly processor: Processor;
  readonly key: string;
  readonly parts: Map<string, Cell>;
}

interface Queue {
  readonly processor: Processor;
  readonly waiting: Message[];
}

export interface SimulationOptions {
  readonly processors: readonly Processor[];
  readonly random: () => number;
  /** Changes or (undefined) drops what is sent: how a test breaks a protocol. */
  readonly tamper?: (message: Message) => Message | undefined;
}

/**
 * Processors at work with every key on a partition of its own: one queue per topic and key, and whichever has something may
 * be next. Every order that brokers and tasks can bring about is an order here. A step is one transaction.
 */
export class KeySimulation {
  /** Watermarks by source, and the tick. */
  readonly clocks = new Map<string, number>([[TICK, 0]]);
  /** What was sent to topics that nobody here reads. */
  readonly sent: Message[] = [];
  readonly counts = new Map<string, number>();
  readonly rejected: string[] = [];
  steps = 0;
  messages = 0;
  readonly #options: SimulationOptions;
  readonly #queues = new Map<string, Queue>();
  readonly #ready: Queue[] = [];
  /** By clock, a moment before which nothing is due. */
  readonly #earliest = new Map<string, number>();
  readonly #keys = new Map<string, Keyed>();
  #offset = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
  }

  send<V>(topic: Topic<V>, key: string, value: V): void {
    this.#deliver({ topic: topic.name, key, value });
  }

  /** One record or timer of a key chosen at random; false when there is none. */
  step(): boolean {
    const ready = this.#ready;
    const due = this.#due();
    const chosen = Math.floor(this.#options.random() * (ready.length + due.length));
    const queue = ready[chosen];
    const timer = due[chosen - ready.length];
    if (!queue && !timer) return false;
    this.steps += 1;
    if (queue) {
      const message = queue.waiting.shift();
      if (queue.waiting.length === 0) ready.splice(chosen, 1);
      this.#process(queue.processor, message);
    } else if (timer) this.#fire(timer.keyed, timer.timer);
    return true;
  }

  /** Until nothing is left to do. */
  run(most = 1_000_000): void {
    while (this.step()) if (this.steps > most) throw new Error(`still busy after ${most} steps`);
  }

  state<T>(processor: string, key: string, part: string): T | undefined {
    return this.#keys.get(`${processor}\0${key}`)?.parts.get(part)?.value as T | undefined;
  }

  /** Keys of a processor that have a part of that name. */
  keysWith(processor: string, part: string): string[] {
    return [...this.#keys.values()]
      .filter((one) => one.processor.name === processor && one.parts.has(part))
      .map(({ key }) => key);
  }

  /** Parts that hold a claim, or wait for a clock, as `processor/key/part`. */
  marked(mark: keyof Marks): string[] {
    return [...this.#keys.values()].flatMap(({ processor, key, parts }) =>
      [...parts]
        .filter(([, { marks }]) => (mark === 'due' ? (marks.due ?? []).length > 0 : marks.hold !== undefined))
        .map(([part]) => `${processor.name}/${key}/${part}`),
    );
  }

  #deliver(message: Message): void {
    const given = this.#options.tamper ? this.#options.tamper(message) : message;
    if (!given) return;
    freeze(given.value);
    this.messages += 1;
    const readers = this.#options.processors.filter(({ inputs }) => inputs.some(({ name }) => name === given.topic));
    if (readers.length === 0) this.sent.push(given);
    for (const processor of readers) {
      const id = `${processor.name}\0${given.topic}\0${given.key}`;
      const queue = this.#queues.get(id) ?? { processor, waiting: [] };
      this.#queues.set(id, queue);
      if (queue.waiting.push(given) === 1) this.#ready.push(queue);
    }
  }

  #process(processor: Processor, message: Message | undefined): void {
    if (!message) return;
    const { topic, key, value } = message;
    const timestamp = this.clocks.get(TICK) ?? 0;
    const record: StreamRecord = { topic, partition: 0, offset: this.#offset++, timestamp, key, value, headers: noHeaders };
    processor.parts?.(record);
    this.#apply(processor, key, (context) => processor.process(record, context));
  }

  #fire({ processor, key, parts }: Keyed, timer: Timer): void {
    const cell = parts.get(timer.part);
    if (!cell) return;
    const due = (cell.marks.due ?? []).filter(({ clock, at }) => clock !== timer.clock || at !== timer.at);
    parts.set(timer.part, { ...cell, marks: { ...cell.marks, due } });
    processor.timerParts?.(timer);
    this.#apply(processor, key, (context) => processor.onTimer?.(timer, context));
  }

  #apply(processor: Processor, key: string, work: (context: Context) => void): void {
    const outputs: Message[] = [];
    const id = `${processor.name}\0${key}`;
    const keyed = this.#keys.get(id) ?? { processor, key, parts: new Map<string, Cell>() };
    this.#keys.set(id, keyed);
    work({
      task: { processor: processor.name, partition: 0 },
      tick: this.clocks.get(TICK) ?? 0,
      state: stateOf(keyed.parts, ({ clock, at }) => this.#earliest.set(clock, Math.min(at, this.#earliest.get(clock) ?? at))),
      forward: (topic, to, value) => {
        if (!processor.outputs.some(({ name }) => name === topic.name))
          throw new Error(`${processor.name} may not send to ${topic.name}`);
        outputs.push({ topic: topic.name, key: to, value });
      },
      reject: (_, reason) => void this.rejected.push(reason),
      vouch: () => undefined,
      endOf: () => undefined,
      watermark: (source) => this.clocks.get(source) ?? Number.NEGATIVE_INFINITY,
      clock: (name) => this.#clock(name),
      count: (name, _, by = 1) => void this.counts.set(name, (this.counts.get(name) ?? 0) + by),
    });
    for (const output of outputs) this.#deliver(output);
  }

  #due(): { keyed: Keyed; timer: Timer }[] {
    if (![...this.#earliest].some(([clock, at]) => at <= this.#clock(clock))) return [];
    return [...this.#keys.values()].flatMap((keyed) =>
      [...keyed.parts].flatMap(([part, { marks }]) =>
        (marks.due ?? [])
          .filter(({ clock, at }) => this.#clock(clock) >= at)
          .map((due) => ({ keyed, timer: { key: keyed.key, part, ...due } })),
      ),
    );
  }

  #clock(name: string): number {
    return Math.min(...name.split('+').map((source) => this.clocks.get(source) ?? Number.NEGATIVE_INFINITY));
  }
}

function stateOf(parts: Map<string, Cell>, armed: (due: Due) => void): KeyState {
  return {
    get: <T>(part: string) => parts.get(part)?.value as T | undefined,
    set: (part, value, marks = {}) => {
      freeze(value);
      parts.set(part, { value, marks });
      for (const due of marks.due ?? []) armed(due);
    },
    delete: (part) => void parts.delete(part),
    parts: () => [...parts.keys()].sort(),
  };
}

/** Values of state and messages are replaced, never mutated: here that throws. */
function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) freeze(inner);
}
