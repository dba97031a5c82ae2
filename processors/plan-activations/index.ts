import type { Context, Processor } from '../../runtime/processor.ts';
import { type Lookup, noTables } from '../../runtime/tables/global-tables.ts';
import type { SourceConfig } from '../../schemas/config.ts';
import type {
  ActivationRequest,
  ActivationWithheld,
  MembershipChange,
  ProfileChange,
  Proof,
} from '../../schemas/generated/types.ts';
import { hashId, opaqueKey } from '../../schemas/keys.ts';
import { noReference, type ReferenceReader } from '../../schemas/reference-reader.ts';
import { topics } from '../../schemas/topics.ts';
import type { CompiledActivation } from './activation.ts';
import { becauseOf } from './because.ts';
import { proofNow, staleInWords, staleNow } from './freshness.ts';
import { gates, type Planned, type Refusal } from './gates.ts';
import { HELD, type Held, keepHeld, readHeld } from './held.ts';
import { ACTIVATION, mergeTraits, nothingKnown, valueOf, valuesOf, withTrait, type ActivationState } from './traits.ts';
import { waitsOf } from './waits.ts';

export interface PlanActivationsConfig {
  readonly activations: readonly CompiledActivation[];
  /** Sources that take part: only those that are live can be stale. */
  readonly sources: readonly SourceConfig[];
  /** Secret of the deployment, for the keys of requests. */
  readonly secret: string;
  /** Tables that conditions and templates look things up in; none when left out. */
  readonly reference?: ReferenceReader;
}

/** What the processor does when two customers turn out to be one; for `withHandover` of the runtime. */
export interface HandOver {
  /** Takes the state of the customer `loserKey`, by part, into that of `key`, whose context it is. Plans nothing. */
  merge(key: string, loserKey: string, loser: ReadonlyMap<string, unknown>, context: Context): void;
  /** Last words of a customer who ends: none. */
  close(context: Context): void;
}

/**
 * Turns changes of membership into messages to be sent, once for each change; what is withheld is published with its reason.
 * A message whose facts are too old for it may be held: it is judged again, by all gates, when its sources have come up to
 * what it demands, and ends when it expires or when the membership behind it does. Ids are deterministic, so that the same
 * change never causes two messages.
 */
export function planActivations(config: PlanActivationsConfig): Processor & HandOver {
  const { activations, reference = noReference } = config;
  let lookup: Lookup = noTables;
  const used = new Set(activations.flatMap(usedTraits));
  const awaited = new Set(activations.flatMap(({ wait }) => wait?.traits ?? []));
  const byName = new Map(activations.map((activation) => [activation.name, activation]));
  const parts = activations.some(({ freshness, wait }) => freshness ?? wait) ? [ACTIVATION, HELD] : [ACTIVATION];
  const read = (context: Context): ActivationState => context.state.get<ActivationState>(ACTIVATION) ?? nothingKnown;
  const keep = (context: Context, before: ActivationState, after: ActivationState): void => {
    if (after !== before) context.state.set(ACTIVATION, after);
  };
  const proofOf = ({ freshness }: CompiledActivation, { proof }: MembershipChange, context: Context): Proof =>
    freshness ? proofNow(proof, freshness, config.sources, context) : proof;
  const judge = (
    activation: CompiledActivation,
    change: MembershipChange,
    context: Context,
    id = idOf(activation, change),
    decidedAt = context.tick,
  ): Judgement => {
    const state = read(context);
    const to = valueOf(state, activation.address);
    const stale = activation.freshness ? staleNow(activation.freshness, config.sources, context) : [];
    // Clocks differ: what was told of a row holds at the moment for which it was told, even if the broker's is not there yet.
    const at = Math.max(context.tick, change.effectiveAt);
    const { result, read: tables } = reference.during({ lookup, at }, () => worked(activation, state));
    const proof = proofOf(activation, change, context);
    const waits = waitsOf(activation, state, stale, decidedAt, context.tick);
    const planned: Planned = {
      id,
      activation,
      change,
      to: typeof to === 'string' && to !== '' ? to : undefined,
      stale,
      proof: { ...proof, tables: [...proof.tables, ...tables] },
      ...waits,
      ...result,
    };
    for (const { name, check } of gates) {
      const refusal = check(planned);
      if (refusal) return { planned, refused: { gate: name, ...refusal } };
    }
    return { planned, refused: undefined };
  };

  const changed = (change: MembershipChange, context: Context): void => {
    const concerned = activations.filter((each) => each.segment === change.segment && each.change === change.change);
    const state = read(context);
    const before = parts.includes(HELD) ? readHeld(context) : [];
    if (change.sequence <= state.seq || (concerned.length === 0 && before.length === 0)) return;
    keep(context, state, { ...state, seq: change.sequence });
    // What was held before goes before, and what no longer stands does not go at all.
    const held = judgedAgain(
      before.filter((each) => !ends(change, each, context)),
      context,
    );
    for (const activation of concerned) {
      const { planned, refused } = judge(activation, change, context);
      if (refused) withhold(planned, refused, context);
      else request(planned, config.secret, context, context.tick);
      if (refused?.decision === 'held') held.push(hold(planned, context));
    }
    keepHeld(context, before, held);
  };

  /** Sends what is fresh enough now, drops what has expired, and returns what goes on waiting. */
  const judgedAgain = (held: readonly Held[], context: Context): Held[] =>
    held.flatMap((each) => {
      const activation = byName.get(each.activation);
      if (activation === undefined) return [];
      const { planned, refused } = judge(activation, each.change, context, each.id, each.decidedAt);
      if (context.tick >= each.expiresAt) {
        const why = refused ? `: ${refused.reason}` : '';
        const reason = `held until it was no longer valid${why}`;
        withhold(planned, { gate: refused?.gate ?? 'freshness', reason, decision: 'dropped' }, context);
      } else if (refused?.decision === 'held') return [{ ...each, waitsFor: planned.waitsFor }];
      else if (refused) withhold(planned, refused, context);
      else {
        context.count('released', { activation: activation.name });
        request(planned, config.secret, context, each.decidedAt);
      }
      return [];
    });

  /** Whether a change takes away what a held message rests on; the message is dropped. A merge brings it to the winner. */
  const ends = (change: MembershipChange, { id, activation: name, change: held }: Held, context: Context): boolean => {
    const activation = byName.get(name);
    if (held.segment !== change.segment || held.change === change.change || change.cause.kind === 'merge') return false;
    if (activation) {
      const reason = `held until it was outdated: the customer has ${change.change} ${change.segment} since`;
      withhold(
        { id, activation, change: held, proof: proofOf(activation, held, context) },
        { gate: 'freshness', reason, decision: 'dropped' },
        context,
      );
    }
    return true;
  };

  return {
    name: 'plan-activations',
    inputs: [topics.segmentsMembership, topics.profilesChanges],
    outputs: [topics.activationsRequested, topics.activationsWithheld],
    upstream: [],
    tables: reference.topics,
    open: (tables) => {
      lookup = tables;
    },
    parts: () => parts,
    timerParts: () => parts,
    process: ({ topic, value }, context) => {
      if (topic === topics.segmentsMembership.name) return changed(value as MembershipChange, context);
      const told = value as ProfileChange;
      const state = read(context);
      if (!used.has(told.trait)) return;
      keep(context, state, withTrait(state, told));
      if (!awaited.has(told.trait)) return;
      const before = readHeld(context);
      if (before.length > 0) keepHeld(context, before, judgedAgain(before, context));
    },
    onTimer: (_timer, context) => {
      const before = readHeld(context);
      keepHeld(context, before, judgedAgain(before, context));
    },
    merge: (key, _loserKey, loser, context) => {
      const state = read(context);
      const theirs = loser.get(ACTIVATION) as ActivationState | undefined;
      if (theirs !== undefined) keep(context, state, mergeTraits(state, theirs.traits));
      const waiting = (loser.get(HELD) as readonly Held[] | undefined) ?? [];
      if (waiting.length === 0) return;
      const before = readHeld(context);
      keepHeld(context, before, [...before, ...waiting.map((each) => ({ ...each, change: { ...each.change, customer: key } }))]);
    },
    close: () => undefined,
  };
}

interface Judgement {
  readonly planned: Planned;
  readonly refused: (Refusal & { readonly gate: string }) | undefined;
}

/** Of a message, before and after a merge. */
function idOf(activation: CompiledActivation, change: MembershipChange): string {
  return hashId(change.customer, activation.name, change.id);
}

function hold({ id, activation, change, waitsFor }: Planned, context: Context): Held {
  return {
    id,
    activation: activation.name,
    change,
    decidedAt: context.tick,
    expiresAt: context.tick + activation.validForMs,
    waitsFor,
  };
}

/** What is told of a message, whatever becomes of it. */
type Told = Pick<Planned, 'id' | 'activation' | 'change' | 'proof'>;

/** Traits that an activation needs to know. */
function usedTraits({ address, data, computed, condition, wait }: CompiledActivation): readonly string[] {
  const expressions = [...computed, ...(condition ? [condition] : [])];
  return [address, ...Object.values(data), ...expressions.flatMap(({ traits }) => traits), ...(wait?.traits ?? [])];
}

/** What depends on traits and tables: whether the condition holds, and the variables of the template. */
function worked({ condition, computed, data }: CompiledActivation, state: ActivationState): Pick<Planned, 'holds' | 'data'> {
  const plain = Object.entries(data).map(([name, trait]) => [name, valueOf(state, trait)] as const);
  if (condition === undefined && computed.length === 0) return { holds: true, data: known(plain) };
  const traits = valuesOf(state);
  const holds = condition?.holds(traits) ?? true;
  const more = computed.map(({ name, value }) => [name, value(traits)] as const);
  return { holds, data: known([...plain, ...more]) };
}

function known(entries: readonly (readonly [name: string, value: unknown])[]): Planned['data'] {
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** What a request and its being withheld have in common. */
function common({
  id,
  activation,
  change,
  proof,
}: Told): Pick<ActivationWithheld, 'id' | 'customer' | 'activation' | 'segment' | 'membership' | 'cause' | 'proof'> {
  const { customer, segment, cause } = change;
  return {
    id,
    customer,
    activation: activation.name,
    segment,
    membership: change.id,
    cause,
    proof,
  };
}

/** Publishes why a message does not go. */
function withhold(planned: Told, { gate, reason, decision }: Refusal & { readonly gate: string }, context: Context): void {
  const withheld: ActivationWithheld = { ...common(planned), gate, reason, decision };
  context.forward(topics.activationsWithheld, planned.change.customer, withheld);
  context.count('withheld', { activation: planned.activation.name, gate, decision });
}

/** Publishes a message to be sent. It is valid from its first decision on, however long it was held. */
function request(planned: Planned, secret: string, context: Context, decidedAt: number): void {
  const { activation, change, to, stale, data } = planned;
  if (to === undefined) return;
  const anyway = stale.length === 0 ? '' : `; sent although ${staleInWords(stale)}`;
  const message: ActivationRequest = {
    ...common(planned),
    channel: activation.channel,
    to,
    template: activation.template,
    data: JSON.stringify(data),
    reason: `${becauseOf(change)}${anyway}`,
    requestedAt: context.tick,
    occurredAt: change.effectiveAt,
    expiresAt: decidedAt + activation.validForMs,
  };
  if (activation.freshness === undefined) context.count('ungated', { activation: activation.name });
  context.forward(topics.activationsRequested, opaqueKey(secret, activation.channel, to), message);
}
