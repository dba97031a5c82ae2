/** For tests: what the customers should be, computed from the whole history at once, with nothing of the processor's code. */
export interface PlainRules {
  readonly limits: Readonly<Record<string, number>>;
  /** By kind with a limit: it is on values first linked within so long a time, milliseconds. */
  readonly within?: Readonly<Record<string, number>>;
  /** Moving kinds, the one that goes first before the one that stays. */
  readonly moving: readonly string[];
  readonly maxNeighbours: number;
}

/** An operator's word on two names; of a pair the last one counts. */
export interface PlainWord {
  readonly at: number;
  readonly apart: boolean;
  readonly between: readonly [string, string];
}

export interface PlainEvent {
  readonly at: number;
  /** `kind:value`, the primary one first. */
  readonly names: readonly string[];
}

/** Timelines as in `foundTimelines`. Times of events are all different. */
export function plainTimelines(
  events: readonly PlainEvent[],
  { limits, within = {}, moving, maxNeighbours }: PlainRules,
  words: readonly PlainWord[] = [],
): Record<string, string> {
  const names = [...new Set([...events.flatMap((event) => event.names), ...words.flatMap(({ between }) => between)])];
  const areApart = (a: string, b: string): boolean => {
    const own = words.filter(({ between }) => between.includes(a) && between.includes(b) && a !== b);
    return own.toSorted((one, other) => one.at - other.at).at(-1)?.apart === true;
  };
  const kind = (name: string): string => name.split(':')[0] ?? '';
  const neighbours = (name: string): Set<string> => {
    const others = events
      .filter((event) => event.names.includes(name))
      .flatMap((event) => (event.names[0] === name ? event.names : event.names.slice(0, 1)));
    return new Set(others.filter((other) => other !== name));
  };
  const crowded = new Set(names.filter((name) => neighbours(name).size > maxNeighbours));
  let groups = names.map((name) => new Set([name]));
  const groupOf = (name: string): Set<string> => groups.find((group) => group.has(name)) ?? new Set();
  const lent = new Map<string, { at: number; to: string }[]>();
  const ownerNow = (name: string): Set<string> => groupOf(lent.get(name)?.at(-1)?.to ?? name);

  /** Whoever is in a customer, or was in it for a time. */
  const everInside = (group: Set<string>): string[] => [
    ...group,
    ...[...lent].flatMap(([name, stays]) => (stays.some(({ to }) => group.has(to)) ? [name] : [])),
  ];
  const mayMeet = (some: readonly string[], others: readonly string[]): boolean =>
    !some.some((one) => others.some((other) => areApart(one, other)));

  const firstLink = (name: string): number =>
    Math.min(
      ...events
        .filter(({ names: seen }) => {
          const [primary = '', ...all] = seen.filter((each) => !crowded.has(each));
          const others = all.filter((other) => !areApart(primary, other));
          return primary === seen[0] && others.length > 0 && (name === primary || others.includes(name));
        })
        .map(({ at }) => at),
    );
  const judged = new Set<string>();
  const recent = (name: string, at: number): boolean => firstLink(name) > at - (within[kind(name)] ?? Infinity);

  for (const { at, names: seen } of [...events].sort((a, b) => a.at - b.at)) {
    const [primary = '', ...others] = seen;
    for (const other of others) {
      if (crowded.has(primary) || crowded.has(other) || areApart(primary, other)) continue;
      // Two that cannot change hands are judged by their first sighting.
      const pair = [primary, other].sort().join(' ');
      if (judged.has(pair) && ![primary, other].some((name) => moving.includes(kind(name)))) continue;
      judged.add(pair);
      const [one, two] = [ownerNow(primary), ownerNow(other)];
      if (one === two) continue;
      const both = new Set([...one, ...two]);
      const fits = Object.entries(limits).every(
        ([limited, most]) => [...both].filter((name) => kind(name) === limited && recent(name, at)).length <= most,
      );
      if (fits && mayMeet(everInside(one), everInside(two))) {
        groups = [...groups.filter((group) => group !== one && group !== two), both];
        continue;
      }
      const goes = moving
        .map((kindOf) => [other, primary].find((name) => kind(name) === kindOf))
        .find((name) => name !== undefined);
      if (goes === undefined || !mayMeet([goes], everInside(goes === other ? one : two))) continue;
      const to = goes === other ? [...one][0] : [...two][0];
      lent.set(goes, [...(lent.get(goes) ?? []), { at, to: to ?? '' }]);
    }
  }

  const show = (name: string): string => [...groupOf(name)].sort().join(' ');
  return Object.fromEntries(
    names.map((name) => {
      const spans = [{ from: 'always', group: show(name) }];
      for (const { at, to } of lent.get(name) ?? []) spans.push({ from: String(at), group: show(to) });
      const tidy = spans.filter(({ group }, i) => group !== spans[i - 1]?.group);
      return [name, tidy.map(({ from, group }) => `${from} ${group}`).join(', ')];
    }),
  );
}
