/** What a group member brings to a rebalance. */
export interface StickyMember {
  readonly id: string;
  /** Generation in which `current` was assigned; the higher one wins when two members claim a task. */
  readonly generation: number;
  /** Tasks it works on now. */
  readonly current: readonly number[];
  /** Tasks whose state it still has on disk. */
  readonly owned: readonly number[];
}

/**
 * Shares the tasks 0 … tasks-1 out: balanced (loads differ by one at most), and within that bound everyone keeps what it
 * works on, then gets what it has on disk. Same input, same output; the order of the members does not matter.
 */
export function assignSticky(tasks: number, members: readonly StickyMember[]): ReadonlyMap<string, readonly number[]> {
  const byId = members.map((member) => ({ ...member, current: trueClaims(member, members) }));
  byId.sort((a, b) => (a.id < b.id ? -1 : 1));
  const quotas = quotasOf(tasks, byId);
  const loads = new Map<string, number[]>(byId.map((member) => [member.id, []]));
  const free = new Set(Array.from({ length: tasks }, (_, task) => task));
  const give = (task: number, id: string): void => {
    const load = loads.get(id);
    if (load === undefined || load.length >= (quotas.get(id) ?? 0) || !free.delete(task)) return;
    load.push(task);
  };

  const byGeneration = [...byId].sort((a, b) => b.generation - a.generation);
  for (const member of byGeneration) {
    const wanted = new Set(byId.filter((other) => other !== member).flatMap((other) => other.owned));
    const keep = [...member.current].sort((a, b) => Number(wanted.has(a)) - Number(wanted.has(b)) || a - b);
    for (const task of keep) give(task, member.id);
  }
  for (const task of free) {
    const claimants = byId.filter((member) => member.owned.includes(task) || member.current.includes(task));
    claimants.sort((a, b) => (loads.get(a.id)?.length ?? 0) - (loads.get(b.id)?.length ?? 0));
    for (const member of claimants) give(task, member.id);
  }
  for (const task of free) for (const member of byId) give(task, member.id);
  for (const load of loads.values()) load.sort((a, b) => a - b);
  return loads;
}

/** What a member works on, without what another was given later: it is a zombie there. */
function trueClaims(member: StickyMember, members: readonly StickyMember[]): readonly number[] {
  const later = members.filter(({ generation }) => generation > member.generation);
  return member.current.filter((task) => !later.some(({ current }) => current.includes(task)));
}

/** The members that hold most get the tasks left over by the division. */
function quotasOf(tasks: number, members: readonly StickyMember[]): ReadonlyMap<string, number> {
  const least = Math.floor(tasks / Math.max(1, members.length));
  const claims = (member: StickyMember): number => new Set([...member.current, ...member.owned]).size;
  const order = [...members].sort((a, b) => b.current.length - a.current.length || claims(b) - claims(a));
  const extra = tasks - least * members.length;
  return new Map(order.map((member, index) => [member.id, index < extra ? least + 1 : least]));
}
