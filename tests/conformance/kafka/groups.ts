import { expect, it } from '@jest/globals';
import type { Bench } from './harness.ts';
import type { GroupMember, Kafka } from '../../../runtime/kafka/contract.ts';

/** A member whose assignments can be awaited. */
class Hand {
  readonly member: GroupMember;
  tasks: readonly number[] = [];
  assignments = 0;
  readonly wakes = new Set<() => void>();

  constructor(kafka: Kafka, group: string, topic: string, tasks: number, owned: readonly number[] = [], instanceId?: string) {
    const onAssignment = (assigned: readonly number[]): void => {
      this.tasks = assigned;
      this.assignments++;
      for (const wake of this.wakes) wake();
    };
    this.member = kafka.member({ group, topic, tasks, owned: () => owned, onAssignment, sessionTimeoutMs: 6_000, instanceId });
  }

  async until(condition: (tasks: readonly number[]) => boolean): Promise<readonly number[]> {
    await together([this], () => this.assignments > 0 && condition(this.tasks));
    return this.tasks;
  }
}

/** Resolves when the condition holds, which is looked at after each assignment of any of the hands. */
async function together(hands: readonly Hand[], condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise<void>((resolve) => {
      for (const { wakes } of hands) wakes.add(resolve);
    });
    for (const { wakes } of hands) wakes.clear();
  }
}

const all = (tasks: number): readonly number[] => Array.from({ length: tasks }, (_, task) => task);

export function groupCases(bench: () => Bench): void {
  it('alone gets every task', async () => {
    const topic = await bench().topic(6);
    const hand = new Hand(bench().kafka, bench().name('group'), topic, 6);
    await hand.member.start();
    expect(await hand.until(() => true)).toEqual(all(6));
    await hand.member.stop();
  });

  it('shares evenly with another that joins, gives up no more than it must, and gets back what a leaving one had', async () => {
    const topic = await bench().topic(6);
    const group = bench().name('group');
    const [one, two] = [new Hand(bench().kafka, group, topic, 6), new Hand(await bench().client(), group, topic, 6)];
    await one.member.start();
    await one.until((tasks) => tasks.length === 6);
    await two.member.start();
    const first = await one.until((tasks) => tasks.length === 3);
    const second = await two.until((tasks) => tasks.length === 3);
    expect([...first, ...second].toSorted((a, b) => a - b)).toEqual(all(6));
    await two.member.stop();
    expect(await one.until((tasks) => tasks.length === 6)).toEqual(all(6));
    await one.member.stop();
  });

  it('that stays keeps what it has when a third one comes', async () => {
    const topic = await bench().topic(6);
    const group = bench().name('group');
    const clients = [bench().kafka, await bench().client(), await bench().client()];
    const hands = clients.map((client) => new Hand(client, group, topic, 6));
    const [one, two, three] = hands;
    await one?.member.start();
    await one?.until((tasks) => tasks.length === 6);
    await two?.member.start();
    const [before, beside] = [await one?.until((tasks) => tasks.length === 3), await two?.until((tasks) => tasks.length === 3)];
    await three?.member.start();
    const after = await Promise.all(hands.map((hand) => hand.until((tasks) => tasks.length === 2)));
    expect(before).toEqual(expect.arrayContaining([...(after[0] ?? [])]));
    expect(beside).toEqual(expect.arrayContaining([...(after[1] ?? [])]));
    expect(after.flat().toSorted((a, b) => a - b)).toEqual(all(6));
    for (const { member } of hands) await member.stop();
  });

  it('gets back the tasks that it has on disk', async () => {
    const topic = await bench().topic(4);
    const group = bench().name('group');
    const one = new Hand(bench().kafka, group, topic, 4);
    const two = new Hand(await bench().client(), group, topic, 4, [0, 2]);
    await one.member.start();
    await one.until((tasks) => tasks.length === 4);
    await two.member.start();
    expect(await two.until((tasks) => tasks.length === 2)).toEqual([0, 2]);
    expect(await one.until((tasks) => tasks.length === 2)).toEqual([1, 3]);
    await Promise.all([one.member.stop(), two.member.stop()]);
  });

  it('that comes back under its name has at once what it had, and no other hears of it', async () => {
    const topic = await bench().topic(6);
    const group = bench().name('group');
    const hand = async (name: string): Promise<Hand> => new Hand(await bench().client(), group, topic, 6, [], name);
    const [one, other, again] = [await hand('one'), await hand('other'), await hand('one')];
    await one.member.start();
    await one.until((tasks) => tasks.length === 6);
    await other.member.start();
    await other.until((tasks) => tasks.length === 3);
    const had = await one.until((tasks) => tasks.length === 3);
    const heard = other.assignments;
    await again.member.start();
    expect(await again.until(() => true)).toEqual(had);
    await one.member.stop();
    expect(other.assignments).toBe(heard);
    await again.member.stop();
    expect(await other.until((tasks) => tasks.length === 6)).toEqual(all(6));
    await other.member.stop();
  });

  it('beyond the number of tasks gets none, and takes over when one leaves', async () => {
    const topic = await bench().topic(2);
    const group = bench().name('group');
    const hands = [bench().kafka, await bench().client(), await bench().client()].map(
      (client) => new Hand(client, group, topic, 2),
    );
    for (const { member } of hands) await member.start();
    const everyone = (): boolean => hands.every(({ assignments }) => assignments > 0);
    await together(hands, () => everyone() && hands.flatMap(({ tasks }) => tasks).length === 2);
    const idle = hands.find(({ tasks }) => tasks.length === 0);
    const busy = hands.find(({ tasks }) => tasks.length > 0);
    const freed = busy?.tasks;
    await busy?.member.stop();
    expect(await idle?.until((tasks) => tasks.length === 1)).toEqual(freed);
    for (const { member } of hands) await member.stop();
  });
}
