import type { Context } from '../../runtime/processor.ts';
import type { CustomerMemberships } from '../../schemas/generated/types.ts';
import { topics } from '../../schemas/topics.ts';
import type { Memberships } from './membership.ts';
import { SHADOW } from './segment.ts';

/** Tells what the customer belongs to now, beside the changes that made it so and in the same transaction. */
export function tellMembers({ customer, seq, of }: Memberships, context: Context): void {
  const segments = Object.entries(of)
    .filter(([segment, membership]) => membership.in && !segment.startsWith(SHADOW))
    .map(([segment, membership]) => ({ segment, sequence: membership.seq, since: membership.since ?? null }))
    .sort((one, other) => (one.segment < other.segment ? -1 : 1));
  const value: CustomerMemberships = { customer, sequence: seq, segments, continueFrom: null };
  context.forward(topics.segmentsMembers, customer, value);
}

/** The customer is no more: nothing is kept of him. */
export function forgetMembers(customer: string, context: Context): void {
  context.forward<CustomerMemberships | null>(topics.segmentsMembers, customer, null);
}
