import { FreshetError } from '../errors.ts';
import type { GroupMember, MemberOptions } from '../kafka/contract.ts';
import { assignSticky } from '../kafka/sticky-assignor.ts';
import type { Schedule } from './memory-kafka-schedule.ts';

/** Group coordinators of the in-memory broker. */
export class Groups {
  readonly #groups = new Map<string, MemoryMember[]>();
  readonly #schedule: Schedule;
  #generation = 0;
  #members = 0;

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
  }

  member(options: MemberOptions): MemoryMember {
    return new MemoryMember(this, options, this.#members++);
  }

  members(group: string): readonly MemoryMember[] {
    return this.#groups.get(group) ?? [];
  }

  join(member: MemoryMember): void {
    const { group, instanceId } = member.options;
    const members = this.members(group).filter((other) => other !== member);
    const before = members.find(({ options }) => instanceId !== undefined && options.instanceId === instanceId);
    if (before === undefined) return this.#rebalance(group, [...members, member]);
    this.#groups.set(group, members.with(members.indexOf(before), member));
    member.takeThePlaceOf(before, this.#schedule);
  }

  leave(member: MemoryMember): void {
    const members = this.members(member.options.group);
    if (members.includes(member))
      this.#rebalance(
        member.options.group,
        members.filter((other) => other !== member),
      );
  }

  #rebalance(group: string, members: MemoryMember[]): void {
    this.#groups.set(group, members);
    const tasks = members.at(-1)?.options.tasks ?? 0;
    const generation = ++this.#generation;
    const claims = members.map((member) => member.claim());
    const assignment = assignSticky(tasks, claims);
    for (const member of members) member.assign(generation, assignment.get(member.id) ?? [], this.#schedule);
  }
}

/** A member whose membership ends only by `stop`, or by `MemoryBroker.expireMember`. */
export class MemoryMember implements GroupMember {
  readonly options: MemberOptions;
  readonly id: string;
  readonly #groups: Groups;
  #generation = -1;
  #current: readonly number[] = [];
  #running = false;

  constructor(groups: Groups, options: MemberOptions, number: number) {
    this.#groups = groups;
    this.options = options;
    this.id = `member-${String(number).padStart(4, '0')}`;
  }

  async start(): Promise<void> {
    if (this.#running) throw new FreshetError('ALREADY_RUNNING', `a member of ${this.options.group} is started once`);
    this.#running = true;
    this.#groups.join(this);
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#current = [];
    this.#groups.leave(this);
  }

  claim(): { id: string; generation: number; current: readonly number[]; owned: readonly number[] } {
    return { id: this.id, generation: this.#generation, current: this.#current, owned: this.options.owned() };
  }

  /** It was killed, and comes back under its name: nobody else hears of it. */
  takeThePlaceOf(before: MemoryMember, schedule: Schedule): void {
    this.assign(before.#generation, before.#current, schedule);
  }

  assign(generation: number, tasks: readonly number[], schedule: Schedule): void {
    this.#generation = generation;
    this.#current = tasks;
    schedule.after(1, () => {
      if (this.#running && this.#generation === generation) this.options.onAssignment(tasks);
    });
  }

  /** The session timed out: the others get its tasks. It hears of it and joins anew, unless it stays cut off (a zombie). */
  expire(rejoin: boolean): void {
    this.#groups.leave(this);
    if (!rejoin) return;
    this.#current = [];
    this.options.onLost?.(new FreshetError('BROKER_UNAVAILABLE', 'the session timed out', { retryable: true }));
    if (this.#running) this.#groups.join(this);
  }
}
