import type { Context } from '../../runtime/processor.ts';
import type { Hop, MembershipChange, Position } from '../../schemas/generated/types.ts';
import { hashId } from '../../schemas/keys.ts';
import type { Topic } from '../../runtime/topic.ts';
import { segmentTopic, topics } from '../../schemas/topics.ts';
import type { Decision, Outcome } from './decide.ts';
import { factsOf } from './leaf-part.ts';
import { tellMembers } from './members.ts';
import { writeMemberships, type Membership, type Memberships } from './membership.ts';
import type { Plan } from './plan.ts';
import { proofOf } from './proof.ts';
import { withRates } from './rates.ts';
import type { CompiledSegment } from './segment.ts';
import { isKnown } from './world.ts';

/** Where and how a decision came about. */
export interface Occasion {
  readonly customer: string;
  readonly after: Position | null;
  readonly hops: readonly Hop[];
}

/**
 * Publishes what was decided, by (effectiveAt, segment), each change with the next sequence of the customer, and writes the
 * memberships if anything about them is new.
 */
export function publish(
  outcomes: readonly Outcome[],
  before: Memberships,
  since: number,
  occasion: Occasion,
  plan: Plan,
  context: Context,
): void {
  let { seq } = before;
  const last = new Map<string, Decision & { readonly seq: number }>();
  for (const decision of inOrder(outcomes)) {
    const { segment, enters } = decision;
    if (segment.shadow) {
      context.count(enters ? 'shadow-entered' : 'shadow-left', { reason: segment.name });
      continue;
    }
    seq += 1;
    last.set(segment.key, { ...decision, seq });
    send(decision, seq, occasion, plan, context);
  }
  const changed: Record<string, Membership> = {};
  for (const { segment, after, late, gone } of outcomes) {
    if (gone === true) continue;
    const old = before.of[segment.key];
    const told = last.get(segment.key);
    const since = told?.enters === true ? told.effectiveAt : old?.since;
    const now = { ...after, seq: told?.seq ?? after.seq, ...(since === undefined ? {} : { since }) };
    if (late || !same(old, now)) changed[segment.key] = now;
  }
  const isTurned = isKnown(before) && plan.number !== (before.rules ?? 0);
  if (Object.keys(changed).length === 0 && since === before.since && !isTurned) return;
  const clockOf = (segment: string): string | undefined => plan.segments.get(segment)?.clock.name;
  const after = occasion.after ?? before.after;
  const { number, turn } = plan;
  const rules = number === 0 ? {} : { rules: number };
  const memberships = { customer: occasion.customer, since, seq, after, of: { ...before.of, ...changed }, ...rules };
  writeMemberships(context.state, memberships, clockOf, turn === undefined ? [] : [turn]);
  if (seq > before.seq) tellMembers(memberships, context);
}

/** Sends one row. */
export function send(
  { segment, enters, effectiveAt, cause }: Decision,
  sequence: number,
  occasion: Occasion,
  plan: Plan,
  context: Context,
): void {
  const planned = plan.segments.get(segment.key);
  if (planned === undefined) return;
  const { customer, after, hops } = occasion;
  const row: MembershipChange = {
    id: hashId(customer, segment.name, segment.version, sequence),
    customer,
    segment: segment.name,
    version: segment.version,
    change: enters ? 'entered' : 'left',
    sequence,
    effectiveAt,
    cause: { ...cause, after },
    proof: withRates(proofOf(planned.clock, factsOf(planned, context.state), hops, context), segment.rates),
  };
  const headers = { segment: segment.name };
  context.forward(topics.segmentsMembership, customer, row, headers);
  if (segment.topic !== undefined) context.forward(segmentTopic(segment.topic), customer, row, headers);
}

/** Topics of single segments. */
export function ownTopics(segments: readonly CompiledSegment[]): readonly Topic<MembershipChange>[] {
  const names = segments.flatMap(({ topic, shadow }) => (topic === undefined || shadow ? [] : [topic]));
  return [...new Set(names)].map(segmentTopic);
}

function inOrder(outcomes: readonly Outcome[]): readonly Decision[] {
  const name = ({ segment }: Decision): string => segment.name;
  const all = outcomes.flatMap(({ decisions }) => decisions);
  return all.sort((one, other) => one.effectiveAt - other.effectiveAt || (name(one) < name(other) ? -1 : 1));
}

/** How far it has been decided alone is no news: the clock tells. */
function same(old: Membership | undefined, now: Membership): boolean {
  if (old === undefined) return now.seq === 0 && now.next === null;
  return old.in === now.in && old.seq === now.seq && old.next === now.next && old.version === now.version;
}
