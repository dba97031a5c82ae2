import { isBlocked, type IdentityRules, ruleOf } from '../processors/stitch-identity/identity.ts';
import { isMovingPair } from '../processors/stitch-identity/component.ts';
import { cutsOf, isCut } from '../processors/stitch-identity/cuts.ts';
import { apartReason } from '../processors/stitch-identity/decide.ts';
import type { Command } from '../processors/stitch-identity/lineage.ts';
import { type Edge, type Member, partition, type Passage } from '../processors/stitch-identity/partition.ts';
import type { TaggedEvent } from '../schemas/generated/types.ts';
import { opaqueKey } from '../schemas/keys.ts';

/** As much of an event as tells who it names. */
export type NamingEvent = Pick<TaggedEvent, 'messageId' | 'source' | 'event' | 'occurredAt' | 'identifiers'>;

/** Two identifiers, as `kind:value`, seen together. */
export interface LinkStep {
  readonly from: string;
  readonly to: string;
  readonly at: number;
  readonly source: string;
  readonly event: string;
  readonly messageId: string;
}

export type Explanation =
  /** One customer, by these links, from the first to the second. */
  | { readonly kind: 'one'; readonly path: readonly LinkStep[] }
  /** Linked by evidence, but not one customer: links that the limits refused, and identifiers that changed hands or link nobody. */
  | {
      readonly kind: 'two';
      readonly refused: readonly (LinkStep & { readonly reason: string })[];
      readonly moved: readonly LinkStep[];
      readonly crowded: readonly string[];
      /** Pairs that an operator has set apart. */
      readonly apart: readonly SetApart[];
    }
  | { readonly kind: 'never linked' };

/** Two identifiers, as `kind:value`, that an operator has set apart. */
export interface SetApart {
  readonly between: readonly [string, string];
  readonly at: number;
  readonly author: string | undefined;
  readonly reason: string | undefined;
}

export interface ExplainOptions {
  readonly rules: IdentityRules;
  readonly secret: string;
  /** What operators have said, known when the events have been visited. */
  readonly commands?: () => readonly Command[];
}

/** Visits every event that is retained, any number of times, in any order. */
export type Visit = (visit: (event: NamingEvent) => void) => Promise<void>;

/**
 * Why two identifiers are one customer, or why not: the very function that decides it, over all events whose identifiers hang
 * together with theirs. Reads the events twice. `first` and `second` are `kind:value`, as they are compared.
 */
export async function explainIdentity(
  visit: Visit,
  options: ExplainOptions,
  first: string,
  second: string,
): Promise<Explanation> {
  const { rules, secret } = options;
  const keyOf = keyed(secret);
  const evidence = await evidenceOf(visit, options, first, second);
  if (evidence === undefined) return { kind: 'never linked' };
  const commands = options.commands?.() ?? [];
  const { members, edges, step } = evidence.whole(commands);
  const parts = partition(members, edges, rules);
  const [a, b] = [first, second].map((name): Passage => {
    const key = keyOf(name);
    return parts.carried.get(key) ?? { from: key, to: key, edges: [] };
  });
  const between = a && b && edgesBetween(parts.unions, a.to, b.to);
  if (between) {
    let at = a.from;
    const path = [...a.edges, ...between, ...b.edges.toReversed()].map((edge) => {
      const from = at;
      at = edge.x === from ? edge.y : edge.x;
      return step(edge, from);
    });
    return { kind: 'one', path };
  }
  const why = (kind: string | null): string =>
    kind === null ? apartReason : `one customer would have too many identifiers of the kind ${kind}`;
  return {
    kind: 'two',
    refused: parts.refused.map(({ edge, kind }) => ({ ...step(edge, edge.x), reason: why(kind) })),
    moved: [...parts.carried].flatMap(
      ([
        key,
        {
          edges: [edge],
        },
      ]) => (edge ? [step(edge, key)] : []),
    ),
    crowded: [...parts.crowded].map((key) => evidence.nameOf(key)),
    apart: setApart(commands, edges, (key) => evidence.nameOf(key)),
  };
}

/** What a split of two identifiers would do to their customer. */
export interface SplitPreview {
  /** They are one customer now. */
  readonly together: boolean;
  /** The identifiers that would be of the first one's customer, and of the second one's. */
  readonly sides: readonly [readonly string[], readonly string[]];
  /** Links that would no longer count. */
  readonly void: readonly LinkStep[];
}

/** The very function that decides it, over all events whose identifiers hang together with the two; undefined: none does. */
export async function previewSplit(
  visit: Visit,
  options: ExplainOptions,
  first: string,
  second: string,
): Promise<SplitPreview | undefined> {
  const keyOf = keyed(options.secret);
  const evidence = await evidenceOf(visit, options, first, second);
  if (evidence === undefined) return undefined;
  const { members, edges, step } = evidence.whole(options.commands?.() ?? []);
  const [x, y] = [keyOf(first), keyOf(second)];
  const cut: Edge = { x, y, at: Number.MAX_SAFE_INTEGER, cause: null, word: 'apart' };
  const [before, after] = [edges, [...edges, cut]].map((all) => partition(members, all, options.rules));
  if (!before || !after) return undefined;
  const side = (key: string): readonly string[] =>
    [...members.keys()].filter((each) => after.home.get(each) === after.home.get(key)).map((each) => evidence.nameOf(each));
  const wasRefused = new Set(before.refused.map(({ edge }) => edge));
  const isDirect = (edge: Edge): boolean =>
    edge.word === undefined && [edge.x, edge.y].includes(x) && [edge.x, edge.y].includes(y);
  const refused = after.refused.map(({ edge }) => edge).filter((edge) => !wasRefused.has(edge));
  return {
    together: before.home.get(x) === before.home.get(y),
    sides: [side(x), side(y)],
    void: [...edges.filter(isDirect), ...refused].map((edge) => step(edge, edge.x)),
  };
}

function keyed(secret: string): (name: string) => string {
  return (name) => opaqueKey(secret, kindOf(name), name.slice(kindOf(name).length + 1));
}

/** Everything that hangs together with the two; undefined: they do not. */
async function evidenceOf(
  visit: Visit,
  { rules, secret }: ExplainOptions,
  first: string,
  second: string,
): Promise<Evidence | undefined> {
  const together = new Together();
  await visit((event) => together.add(namesOf(event, rules)));
  if (!together.same(first, second)) return undefined;
  const evidence = new Evidence(rules, keyed(secret));
  await visit((event) => {
    const names = namesOf(event, rules);
    if (together.same(names[0] ?? '', first)) evidence.add(event, names);
  });
  return evidence;
}

function setApart(commands: readonly Command[], edges: readonly Edge[], nameOf: (key: string) => string): readonly SetApart[] {
  const cuts = cutsOf(edges);
  const last = new Map<string, Command>();
  for (const command of commands.toSorted((a, b) => a.occurredAt - b.occurredAt)) {
    const [x, y] = command.between;
    if (command.word === 'apart' && isCut(cuts, x, y)) last.set([x, y].sort().join(' '), command);
  }
  return [...last.values()].map(({ between: [x, y], occurredAt: at, author, reason }) => ({
    between: [nameOf(x), nameOf(y)],
    at,
    author,
    reason,
  }));
}

function kindOf(name: string): string {
  return name.slice(0, name.indexOf(':'));
}

/** Identifiers that count, the primary one first. */
function namesOf({ identifiers }: NamingEvent, rules: IdentityRules): readonly string[] {
  return identifiers.filter(({ kind, value }) => !isBlocked(rules, kind, value)).map(({ kind, value }) => `${kind}:${value}`);
}

/** Which names were ever seen together, over any number of steps. */
class Together {
  readonly #parent = new Map<string, string>();

  add([first, ...others]: readonly string[]): void {
    if (first === undefined) return;
    for (const other of others) this.#parent.set(this.#root(other), this.#root(first));
  }

  same(a: string, b: string): boolean {
    return a === b || this.#root(a) === this.#root(b);
  }

  #root(name: string): string {
    let at = name;
    for (let up = this.#parent.get(at); up !== undefined && up !== at; up = this.#parent.get(at)) {
      this.#parent.set(at, this.#parent.get(up) ?? up);
      at = up;
    }
    return at;
  }
}

/** The edges of one component, as the processor keeps them, with what brought them. */
class Evidence {
  readonly #rules: IdentityRules;
  readonly #keyOf: (name: string) => string;
  readonly #names = new Map<string, string>();
  readonly #edges = new Map<string, { readonly edge: Edge; readonly event: NamingEvent }>();

  constructor(rules: IdentityRules, keyOf: (name: string) => string) {
    this.#rules = rules;
    this.#keyOf = keyOf;
  }

  #wordsOf(commands: readonly Command[]): readonly Edge[] {
    const own = commands.filter(({ between }) => between.every((key) => this.#names.has(key)));
    return own.map(({ id, word, occurredAt, between: [x, y] }) => ({ x, y, at: occurredAt, cause: id, word }));
  }

  nameOf(key: string): string {
    return this.#names.get(key) ?? key;
  }

  add(event: NamingEvent, names: readonly string[]): void {
    const keys = names.map(this.#keyOf);
    keys.forEach((key, i) => this.#names.set(key, names[i] ?? ''));
    const [x, ...others] = keys;
    for (const y of others) {
      if (x === undefined || x === y) continue;
      const moving = isMovingPair(this.#rules, kindOf(this.nameOf(x)), kindOf(this.nameOf(y)));
      const pair = moving ? `${x} ${y} ${event.occurredAt}` : [x, y].sort().join(' ');
      const known = this.#edges.get(pair);
      if (known && known.edge.at <= event.occurredAt) continue;
      this.#edges.set(pair, { edge: { x, y, at: event.occurredAt, cause: event.messageId }, event });
    }
  }

  whole(commands: readonly Command[]): {
    readonly members: ReadonlyMap<string, Member>;
    readonly edges: readonly Edge[];
    readonly step: (edge: Edge, from: string) => LinkStep;
  } {
    const kept = [...this.#edges.values()];
    const events = new Map(kept.map(({ edge, event }) => [edge, event]));
    const member = (name: string): Member => ({ kind: kindOf(name), rank: ruleOf(this.#rules, kindOf(name)).priority });
    return {
      members: new Map([...this.#names].map(([key, name]) => [key, member(name)])),
      edges: [...kept.map(({ edge }) => edge), ...this.#wordsOf(commands)],
      step: (edge, from) => {
        const { source = '', event = '', messageId = '' } = events.get(edge) ?? {};
        const to = edge.x === from ? edge.y : edge.x;
        return { from: this.nameOf(from), to: this.nameOf(to), at: edge.at, source, event, messageId };
      },
    };
  }
}

/** The edges of the way from one key to another with fewest passages; undefined: they do not hang together. */
function edgesBetween(unions: readonly Passage[], from: string, to: string): readonly Edge[] | undefined {
  const next = new Map<string, Passage[]>();
  const add = (passage: Passage): void => void next.set(passage.from, [...(next.get(passage.from) ?? []), passage]);
  for (const union of unions) {
    add(union);
    add({ from: union.to, to: union.from, edges: union.edges.toReversed() });
  }
  const cameBy = new Map<string, Passage | undefined>([[from, undefined]]);
  const queue = [from];
  for (let key = queue.shift(); key !== undefined && key !== to; key = queue.shift()) {
    for (const passage of next.get(key) ?? []) {
      if (cameBy.has(passage.to)) continue;
      cameBy.set(passage.to, passage);
      queue.push(passage.to);
    }
  }
  if (!cameBy.has(to)) return undefined;
  const edges: Edge[] = [];
  for (let passage = cameBy.get(to); passage; passage = cameBy.get(passage.from)) edges.unshift(...passage.edges);
  return edges;
}

/** For people, with the identifiers as they are. */
export function explanationLines(found: Explanation, first: string, second: string): readonly string[] {
  const line = ({ from, to, at, source, event, messageId }: LinkStep): string =>
    `  ${new Date(at).toISOString()}  ${from} - ${to}  (${event} from ${source}, ${messageId})`;
  if (found.kind === 'never linked') return [`${first} and ${second} were never seen together, not even over others`];
  if (found.kind === 'one') return [`${first} and ${second} are one customer`, ...found.path.map(line)];
  return [
    `${first} and ${second} hang together, but are not one customer`,
    ...found.refused.map((step) => `${line(step)}: refused, ${step.reason}`),
    ...found.moved.map((step) => `${line(step)}: ${step.from} changed hands`),
    ...found.apart.map(({ between: [one, two], at, author = 'an operator', reason }) => {
      const why = reason === undefined ? '' : `: ${reason}`;
      return `  ${new Date(at).toISOString()}  ${one} - ${two}: set apart by ${author}${why}`;
    }),
    ...found.crowded.map((name) => `  ${name} was seen with too many others and links nobody`),
  ];
}
