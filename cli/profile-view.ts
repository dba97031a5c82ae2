import { MEMBERSHIPS, type Memberships } from '../processors/evaluate-segments/membership.ts';
import { PROFILE, type Profile } from '../processors/evaluate-segments/profile.ts';
import { SHADOW } from '../processors/evaluate-segments/segment.ts';
import { NODE, type Node } from '../processors/stitch-identity/site.ts';
import { lastCustomer } from '../processors/stitch-identity/timeline.ts';
import { FreshetError } from '../runtime/errors.ts';
import { partitionFor } from '../runtime/partition.ts';
import { partsOf } from '../runtime/state/view.ts';
import { partsOfMember } from '../runtime/topology.ts';
import { readIdentifier } from '../schemas/identifier-rules.ts';
import { opaqueKey } from '../schemas/keys.ts';
import type { Customer, ProfileView } from '../services/views.ts';
import type { Workspace } from '../workspace/load.ts';
import type { Pipeline } from './pipeline.ts';
import { CUSTOMERS } from './topology.ts';

/** Customers as the tasks of this process hold them. */
export function profileView(
  pipeline: Pick<Pipeline, 'workers' | 'partitions'>,
  { secret, identity }: Pick<Workspace, 'secret' | 'identity'>,
  now: () => number,
): ProfileView {
  const parts = (processor: string, key: string): ReadonlyMap<string, unknown> => {
    const worker = pipeline.workers.find((each) => each.processor.name === processor);
    const store = worker?.task(partitionFor(key, pipeline.partitions))?.view;
    if (!store)
      throw new FreshetError('NOT_LOCAL', `Another process, or none at the moment, holds this part of ${processor}.`, {
        retryable: true,
      });
    return partsOf(store, key);
  };
  return {
    find: async (kind, value) => {
      const normalised = readIdentifier(identity.values, kind, value);
      if (normalised === undefined) return undefined;
      const node = parts('stitch-identity', opaqueKey(secret, kind, normalised)).get(NODE) as Node | undefined;
      if (!node?.timeline) return undefined;
      const customer = lastCustomer(node.timeline);
      return customerFrom(customer, partsOfMember('evaluate-segments', Object.fromEntries(parts(CUSTOMERS, customer))), now());
    },
  };
}

function customerFrom(customer: string, parts: ReadonlyMap<string, unknown>, now: number): Customer {
  const { traits } = (parts.get(PROFILE) as Profile | undefined) ?? { traits: {} };
  const of: Memberships['of'] = (parts.get(MEMBERSHIPS) as Memberships | undefined)?.of ?? {};
  return {
    customer,
    facts: Object.entries(traits).flatMap(([name, { value, source, known, occurredAt }]) =>
      value === null ? [] : [{ name, value: JSON.parse(value) as unknown, source, known, occurredAt, ageMs: now - occurredAt }],
    ),
    memberships: Object.entries(of).flatMap(([segment, membership]) =>
      membership.in && !segment.startsWith(SHADOW) ? [{ segment, since: membership.decided ?? 0 }] : [],
    ),
  };
}
