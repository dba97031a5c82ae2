import { againName } from './again.ts';
import { FreshetError } from './errors.ts';
import type { Context, KeyState, Processor, Timer } from './processor.ts';
import type { StreamRecord } from './record.ts';
import type { Topic } from './topic.ts';

export interface ComposedProcessor extends Processor {
  /** Does something on behalf of a member: with its own parts of the state, and what it sends handed on as ever. */
  inside(member: string, key: string, context: Context, work: (inner: Context) => void): void;
}

/** The parts of a member among those of the composed processor's key, under the names that the member knows. */
export function partsOfMember(member: string, parts: Readonly<Record<string, unknown>>): ReadonlyMap<string, unknown> {
  const prefix = `${member}/`;
  const own = Object.entries(parts).filter(([part]) => part.startsWith(prefix));
  return new Map(own.map(([part, value]) => [part.slice(prefix.length), value]));
}

/**
 * Several processors as one: one task, one store, one transaction. What an earlier one forwards to a topic that a later
 * one reads is published and also handed to the later one in process, at once and under the same key. Each keeps its
 * state in parts of its own.
 */
export function compose(name: string, members: readonly Processor[]): ComposedProcessor {
  const inner = new Set<string>();
  members.forEach((member, i) => {
    for (const output of member.outputs) {
      if (members.slice(i + 1).some((later) => later.inputs.some((input) => input.name === output.name))) inner.add(output.name);
    }
  });
  const inputs = distinct(members.flatMap((member) => member.inputs)).filter((topic) => !inner.has(topic.name));
  const byName = new Map(members.map((member) => [member.name, member]));
  if (byName.size !== members.length)
    throw new FreshetError('TOPOLOGY_INVALID', `The processors of ${name} must have different names.`);

  const deliver = (record: StreamRecord, context: Context, from: number): void => {
    for (let i = from; i < members.length; i++) {
      const member = members[i];
      if (!member || !reads(member, record)) continue;
      const inside = new MemberContext(context, member, record.key, record);
      member.process(record, inside);
      deliverSent(inside, context, i);
    }
  };
  const deliverSent = (inside: MemberContext, context: Context, i: number): void => {
    for (const sent of inside.sent) if (inner.has(sent.topic)) deliver(sent, context, i + 1);
  };

  const onBehalf = (member: Processor, key: string, context: Context, work: (inner: Context) => void): void => {
    const inside = new MemberContext(context, member, key);
    work(inside);
    deliverSent(inside, context, members.indexOf(member));
  };

  const revised = members.find(({ revision }) => revision !== undefined);
  return {
    name,
    inputs,
    ...(revised?.revision === undefined
      ? {}
      : { revision: { ...revised.revision, part: `${revised.name}/${revised.revision.part}` } }),
    outputs: distinct(members.flatMap((member) => member.outputs)),
    tables: distinct(members.flatMap((member) => member.tables ?? [])),
    open: (tables) => members.forEach((member) => member.open?.(tables)),
    upstream: [...new Set(members.flatMap((member) => member.upstream))],
    parts: (record) =>
      members
        .filter((member) => reads(member, record))
        .flatMap((member) => (member.parts?.(record) ?? []).map((part) => `${member.name}/${part}`)),
    timerParts: (timer) => {
      const { member, own } = ownTimer(byName, timer);
      return (member.timerParts?.(own) ?? []).map((part) => `${member.name}/${part}`);
    },
    process: (record, context) => deliver(record, context, 0),
    onTimer: (timer, context) => {
      const { member, own } = ownTimer(byName, timer);
      onBehalf(member, timer.key, context, (inner) => member.onTimer?.(own, inner));
    },
    inside: (memberName, key, context, work) => {
      const member = byName.get(memberName);
      if (!member) throw new FreshetError('TOPOLOGY_INVALID', `${name} has no member ${memberName}.`);
      onBehalf(member, key, context, work);
    },
  };
}

/** Checks what can be checked before anything starts; TOPOLOGY_INVALID names the processor and the edge. */
export function validateTopology(processors: readonly Processor[], stages: ReadonlySet<string>): void {
  const names = new Set<string>();
  for (const { name, inputs, upstream } of processors) {
    if (names.has(name)) throw new FreshetError('TOPOLOGY_INVALID', `Two processors are named ${name}.`);
    names.add(name);
    if (inputs.length === 0) throw new FreshetError('TOPOLOGY_INVALID', `${name} declares no input.`);
    for (const stage of upstream) {
      if (processors.some((other) => other.name === stage && other.silenceIsFinal)) {
        throw new FreshetError(
          'TOPOLOGY_INVALID',
          `${name} takes its watermarks from ${stage}, whose silence is final: what it claims is not proved by a transaction.`,
        );
      }
      if (!stages.has(stage) && !processors.some((other) => other.name === stage)) {
        throw new FreshetError(
          'TOPOLOGY_INVALID',
          `${name} takes its watermarks from ${stage}, which is neither a processor nor a stage.`,
        );
      }
    }
  }
}

function reads({ inputs, revision }: Processor, { topic }: StreamRecord): boolean {
  return inputs.some(({ name }) => name === topic) || (revision?.again !== undefined && againName(revision.again.name) === topic);
}

function distinct(topics: readonly Topic[]): Topic[] {
  return [...new Map(topics.map((topic) => [topic.name, topic])).values()];
}

function ownTimer(members: ReadonlyMap<string, Processor>, timer: Timer): { member: Processor; own: Timer } {
  const slash = timer.part.indexOf('/');
  const member = members.get(timer.part.slice(0, slash));
  if (!member) throw new FreshetError('TOPOLOGY_INVALID', `No processor owns the state part ${timer.part}.`);
  return { member, own: { ...timer, part: timer.part.slice(slash + 1) } };
}

/** A member's view: its own parts of the state, and a note of what it sent. */
class MemberContext implements Context {
  readonly state: KeyState;
  readonly sent: StreamRecord[] = [];
  readonly #outer: Context;
  readonly #member: Processor;
  readonly #record: StreamRecord | undefined;
  readonly #key: string;

  constructor(outer: Context, member: Processor, key: string, record?: StreamRecord) {
    this.#outer = outer;
    this.#member = member;
    this.#record = record;
    this.#key = key;
    this.state = ownParts(outer.state, `${member.name}/`);
  }

  get task(): Context['task'] {
    return this.#outer.task;
  }

  get tick(): number {
    return this.#outer.tick;
  }

  forward<V>(topic: Topic<V>, key: string, value: V, headers?: Readonly<Record<string, string>>): void {
    if (!this.#member.outputs.some((output) => output.name === topic.name)) {
      throw new FreshetError(
        'UNDECLARED_OUTPUT',
        `${this.#member.name} forwards to ${topic.name}, which it does not declare as an output.`,
      );
    }
    this.#outer.forward(topic, key, value, headers);
    if (key !== this.#key) return;
    const given = Object.entries(headers ?? {}).map(([name, text]) => [name, Buffer.from(text, 'utf8')] as const);
    this.sent.push({
      topic: topic.name,
      partition: this.#outer.task.partition,
      offset: this.#record?.offset ?? -1,
      timestamp: this.#record?.timestamp ?? this.#outer.tick,
      key,
      value,
      headers: { ...this.#record?.headers, ...Object.fromEntries(given) },
    });
  }

  reject(...args: Parameters<Context['reject']>): void {
    this.#outer.reject(...args);
  }

  vouch(...args: Parameters<Context['vouch']>): void {
    this.#outer.vouch(...args);
  }

  watermark(source: string): number {
    return this.#outer.watermark(source);
  }

  endOf(source: string): number | undefined {
    return this.#outer.endOf(source);
  }

  clock(name: string): number {
    return this.#outer.clock(name);
  }

  count(...args: Parameters<Context['count']>): void {
    this.#outer.count(...args);
  }
}

function ownParts(state: KeyState, prefix: string): KeyState {
  return {
    get: (part) => state.get(prefix + part),
    set: (part, value, marks) => state.set(prefix + part, value, marks),
    delete: (part) => state.delete(prefix + part),
    parts: () =>
      state
        .parts()
        .filter((part) => part.startsWith(prefix))
        .map((part) => part.slice(prefix.length)),
  };
}
