import type { Context, Processor } from '../../runtime/processor.ts';
import type { ActivationRequest, ActivationWithheld, MembershipChange, ProfileChange } from '../../schemas/generated/types.ts';
import { hashId, opaqueKey } from '../../schemas/keys.ts';
import { topics } from '../../schemas/topics.ts';
import type { CompiledActivation } from './activation.ts';
import { becauseOf } from './because.ts';
import { gates, type Planned } from './gates.ts';
import { ACTIVATION, mergeTraits, nothingKnown, valueOf, withTrait, type ActivationState } from './traits.ts';

export interface PlanActivationsConfig {
  readonly activations: readonly CompiledActivation[];
  /** Secret of the deployment, for the keys of requests. */
  readonly secret: string;
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
 * Ids are deterministic, so that the same change never causes two messages.
 */
export function planActivations({ activations, secret }: PlanActivationsConfig): Processor & HandOver {
  const used = new Set(activations.flatMap(({ address, data }) => [address, ...Object.values(data)]));
  const read = (context: Context): ActivationState => context.state.get<ActivationState>(ACTIVATION) ?? nothingKnown;
  const keep = (context: Context, before: ActivationState, after: ActivationState): void => {
    if (after !== before) context.state.set(ACTIVATION, after);
  };

  const changed = (change: MembershipChange, context: Context): void => {
    const concerned = activations.filter((each) => each.segment === change.segment && each.change === change.change);
    const state = read(context);
    if (concerned.length === 0 || change.sequence <= state.seq) return;
    keep(context, state, { ...state, seq: change.sequence });
    for (const activation of concerned) {
      const to = valueOf(state, activation.address);
      const planned: Planned = { activation, change, to: typeof to === 'string' && to !== '' ? to : undefined };
      plan(planned, state, secret, context);
    }
  };

  return {
    name: 'plan-activations',
    inputs: [topics.segmentsMembership, topics.profilesChanges],
    outputs: [topics.activationsRequested, topics.activationsWithheld],
    upstream: [],
    parts: () => [ACTIVATION],
    process: ({ topic, value }, context) => {
      if (topic === topics.segmentsMembership.name) return changed(value as MembershipChange, context);
      const told = value as ProfileChange;
      const state = read(context);
      if (used.has(told.trait)) keep(context, state, withTrait(state, told));
    },
    merge: (_key, _loserKey, loser, context) => {
      const state = read(context);
      const theirs = loser.get(ACTIVATION) as ActivationState | undefined;
      if (theirs !== undefined) keep(context, state, mergeTraits(state, theirs.traits));
    },
    close: () => undefined,
  };
}

/** Publishes the request, or why there is none. */
function plan(planned: Planned, state: ActivationState, secret: string, context: Context): void {
  const { activation, change, to } = planned;
  const { customer, segment, cause, proof } = change;
  const common = {
    id: hashId(customer, activation.name, change.id),
    customer,
    activation: activation.name,
    segment,
    membership: change.id,
  };
  for (const { name, check } of gates) {
    const reason = check(planned);
    if (reason === undefined) continue;
    const decision = cause.kind === 'backfill' || cause.kind === 'replay' ? 'would-send' : 'dropped';
    const withheld: ActivationWithheld = { ...common, gate: name, reason, decision, cause, proof };
    context.forward(topics.activationsWithheld, customer, withheld);
    context.count('withheld', { activation: activation.name, gate: name });
    return;
  }
  if (to === undefined) return;
  const data = Object.entries(activation.data).flatMap(([name, trait]) => {
    const value = valueOf(state, trait);
    return value === undefined ? [] : [[name, value] as const];
  });
  const request: ActivationRequest = {
    ...common,
    channel: activation.channel,
    to,
    template: activation.template,
    data: JSON.stringify(Object.fromEntries(data)),
    reason: becauseOf(change),
    requestedAt: context.tick,
    expiresAt: context.tick + activation.validForMs,
    cause,
    proof,
  };
  context.forward(topics.activationsRequested, opaqueKey(secret, activation.channel, to), request);
}
