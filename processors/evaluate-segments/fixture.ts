import type { Reach } from '../../runtime/watermarks/contract.ts';
import { TaskWatermarks } from '../../runtime/watermarks/task-watermarks.ts';
import type { Context, Due, KeyState, Processor } from '../../runtime/processor.ts';
import type { StreamRecord } from '../../runtime/record.ts';
import type { Topic } from '../../runtime/topic.ts';
import type { SourceConfig, SourceMode } from '../../schemas/config.ts';
import type { IdentifiedEvent, MembershipChange, ProfileChange, TaggedEvent } from '../../schemas/generated/types.ts';
import { topics } from '../../schemas/topics.ts';

/** How many examples of a property are tried: in CI so many, by hand FRESHET_PROPERTY_RUNS times as many. */
export function runs(inCi: number): number {
  return inCi * ((globalThis as { readonly runs?: number }).runs ?? 1);
}

/** A source as tests need it. */
export function source(
  name: string,
  given: { mode?: SourceMode; events?: readonly string[]; latenessMs?: number } = {},
): SourceConfig {
  return {
    name,
    description: '',
    owner: '',
    input: { kind: 'topic' },
    mode: given.mode ?? 'live',
    cadence: { kind: 'realtime' },
    liveness: { kind: 'stated' },
    latenessMs: given.latenessMs ?? 0,
    events: given.events ?? null,
    transform: null,
    timezone: 'UTC',
  };
}

/** What tells one event from another; the rest is filled in. */
export interface GivenEvent {
  readonly id: string;
  readonly event: string;
  readonly at: number;
  readonly source?: string;
  readonly mode?: SourceMode;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly traits?: Readonly<Record<string, unknown>>;
  readonly context?: Readonly<Record<string, unknown>>;
  readonly asOf?: number;
}

export function tagged(given: GivenEvent): TaggedEvent {
  return {
    messageId: given.id,
    source: given.source ?? 'web',
    type: given.event === 'Identify' ? 'identify' : 'track',
    event: given.event,
    occurredAt: given.at,
    receivedAt: given.at,
    asOf: given.asOf ?? null,
    identifiers: [],
    properties: JSON.stringify(given.properties ?? {}),
    traits: JSON.stringify(given.traits ?? {}),
    context: JSON.stringify(given.context ?? {}),
    flags: [],
    mode: given.mode ?? 'live',
    origin: { topic: 'events.raw', partition: 0, offset: 0 },
  };
}

interface Cell {
  readonly value: unknown;
  readonly due: readonly Due[];
}

/** One customer's task by hand: the state of one key, watermarks, and timers fired before anything else, as the runtime does. */
export class OneCustomer {
  readonly key: string;
  readonly memberships: MembershipChange[] = [];
  readonly traits: ProfileChange[] = [];
  readonly counters = new Map<string, number>();
  readonly cells = new Map<string, Cell>();
  readonly writes: string[] = [];
  tick = 0;
  /** As while a merge is under way: nothing is due. */
  held = false;
  readonly #processor: Processor;
  readonly #watermarks = new TaskWatermarks(() => this.tick);
  #offset = 0;

  constructor(processor: Processor, key = 'c_one') {
    this.#processor = processor;
    this.key = key;
  }

  event(given: GivenEvent, headers: Readonly<Record<string, string>> = {}): void {
    const value: IdentifiedEvent = { customer: this.key, event: tagged(given), marker: null };
    this.record(topics.eventsIdentified, value, headers);
  }

  record(topic: Topic, value: unknown, headers: Readonly<Record<string, string>> = {}): void {
    const bytes = Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]));
    const offset = this.#offset++;
    const record: StreamRecord = {
      topic: topic.name,
      partition: 0,
      offset,
      timestamp: this.tick,
      key: this.key,
      value,
      headers: bytes,
    };
    this.#processor.process(record, this.context());
    this.fire();
  }

  watermark(name: string, at: number): void {
    const ended = at === Number.POSITIVE_INFINITY;
    this.#adopt(name, { at: ended ? Number.NEGATIVE_INFINITY : at, ended });
  }

  /** The source ends at `at`, and both become known at once. */
  end(name: string, at: number): void {
    this.#adopt(name, { at, ended: true });
  }

  #adopt(name: string, reach: Reach): void {
    this.#watermarks.offer({ values: new Map([[name, reach]]), ends: new Map() });
    this.#watermarks.adopt(() => 0);
    this.fire();
  }

  clock(name: string): number {
    return this.#watermarks.clock(name);
  }

  /** Memberships, folded from what was published with an effect up to `at`. */
  members(at = Number.POSITIVE_INFINITY): readonly string[] {
    const folded = new Set<string>();
    for (const { segment, change, effectiveAt } of this.memberships) {
      if (effectiveAt > at) continue;
      if (change === 'entered') folded.add(segment);
      else folded.delete(segment);
    }
    return [...folded].sort();
  }

  /** Segment, change and cause of each row, short. */
  story(): readonly string[] {
    return this.memberships.map(
      ({ change, segment, effectiveAt, cause }) => `${effectiveAt} ${change} ${segment} (${cause.kind})`,
    );
  }

  fire(): void {
    if (this.held) return;
    for (let again = true; again;) {
      again = false;
      for (const [part, cell] of this.cells) {
        const due = cell.due.find(({ clock, at }) => at <= this.clock(clock));
        if (due === undefined) continue;
        this.cells.set(part, { ...cell, due: cell.due.filter((each) => each !== due) });
        this.#processor.onTimer?.({ key: this.key, part, ...due }, this.context());
        again = true;
      }
    }
  }

  context(): Context {
    const state: KeyState = {
      get: <T>(part: string) => this.cells.get(part)?.value as T | undefined,
      set: (part, value, marks) => {
        this.writes.push(part);
        this.cells.set(part, { value: structuredClone(value), due: marks?.due ?? [] });
      },
      delete: (part) => void this.cells.delete(part),
      parts: () => [...this.cells.keys()].sort(),
    };
    return {
      task: { processor: this.#processor.name, partition: 0 },
      state,
      tick: this.tick,
      forward: (topic, _key, value) => {
        if (topic.name === topics.segmentsMembership.name) this.memberships.push(value as MembershipChange);
        if (topic.name === topics.profilesChanges.name) this.traits.push(value as ProfileChange);
      },
      reject: (_step, reason) => {
        throw new Error(reason);
      },
      vouch: () => undefined,
      endOf: (name) => this.#watermarks.endOf(name),
      watermark: (name) => this.#watermarks.source(name),
      clock: (name) => this.clock(name),
      count: (name, _labels, by = 1) => void this.counters.set(name, (this.counters.get(name) ?? 0) + by),
    };
  }
}
