import type { FraudConfig } from '../processors/detect-fraud/config.ts';
import { detectFraud } from '../processors/detect-fraud/index.ts';
import { evaluateSegments, type RulesConfig } from '../processors/evaluate-segments/index.ts';
import { DERIVED } from '../processors/keep-reference/changes.ts';
import { keepReference } from '../processors/keep-reference/index.ts';
import { planActivations } from '../processors/plan-activations/index.ts';
import { handoverMarker } from '../processors/stitch-identity/division.ts';
import { stitchIdentity } from '../processors/stitch-identity/index.ts';
import { findLookalikes } from '../processors/stitch-identity/lookalikes/index.ts';
import { tagFreshness } from '../processors/tag-freshness/index.ts';
import { type HandoverMarker, withHandover } from '../runtime/handover.ts';
import { readHandover } from '../runtime/handover-state.ts';
import type { Context, Processor } from '../runtime/processor.ts';
import type { StreamRecord } from '../runtime/record.ts';
import type { Topic } from '../runtime/topic.ts';
import { compose, partsOfMember } from '../runtime/topology.ts';
import type { SourceConfig } from '../schemas/config.ts';
import type { IdentifiedEvent } from '../schemas/generated/types.ts';
import type { RawDecoder } from '../schemas/raw-decoder.ts';
import { referenceTopic, topics } from '../schemas/topics.ts';
import type { Workspace } from '../workspace/load.ts';

/** Keeps reference tables, where there are any, and tells customers of changes. */
export const KEEP_REFERENCE = 'keep-reference';

/** The task of a customer: segments and the messages they cause are one decision of one writer. */
export const CUSTOMERS = 'customers';

/** Processors that keep a state of customers, and hand it over. */
export const KEEPERS: readonly string[] = [CUSTOMERS, 'detect-fraud'];

/** All processors of a workspace over the sources that take part, in the order of the walk. `rules`: how these segments came after others. */
export function topologyOf(
  workspace: Workspace,
  sources: readonly SourceConfig[],
  rawDecoder: Pick<RawDecoder, 'decode'>,
  rules?: RulesConfig,
): Processor[] {
  const { secret, segments, activations, identity, reference } = workspace;
  const hasTables = sources.some(({ table }) => table !== undefined);
  return [
    tagFreshness({ sources, secret, rawDecoder, values: identity.values }),
    ...(hasTables ? [keepReference({ sources })] : []),
    hasTables ? behindTables(stitchIdentity({ secret, identity })) : stitchIdentity({ secret, identity }),
    customers(
      evaluateSegments({ segments, sources, ...(rules && { rules }) }),
      planActivations({ activations, sources, secret, reference }),
      sources,
    ),
    fraud(sources, workspace.fraud),
    ...(identity.fuzzy ? [findLookalikes({ secret, identity, fuzzy: identity.fuzzy })] : []),
  ];
}

/** What tables tell customers comes in beside the other events: a time has passed when it has passed there as well. */
function behindTables(stitch: Processor): Processor {
  return { ...stitch, upstream: [KEEP_REFERENCE] };
}

function customers(
  evaluate: ReturnType<typeof evaluateSegments>,
  plan: ReturnType<typeof planActivations>,
  sources: readonly SourceConfig[],
): Processor {
  const both = compose(CUSTOMERS, [evaluate, plan]);
  const told = new Map(sources.flatMap(({ name, table }) => (table ? [[name, [referenceTopic(table.name)]] as const] : [])));
  // Whoever is told of a change of a table finds it there.
  const behind = ({ topic, value }: StreamRecord): readonly Topic[] => {
    if (topic !== topics.eventsIdentified.name || value === null) return [];
    const { event } = value as IdentifiedEvent;
    return event?.flags.includes(DERIVED) ? (told.get(event.source) ?? []) : [];
  };
  return withHandover(told.size === 0 ? both : { ...both, behind }, {
    marker: mergeMarker,
    loop: topics.customersLoop,
    seeds: topics.customersSeeds,
    sources: sources.map(({ name }) => name),
    merge: (key, loser, parts, context, cause) => {
      for (const member of [evaluate, plan]) {
        const own = partsOfMember(member.name, parts);
        both.inside(member.name, key, context, (inner) => member.merge(key, loser, own, inner, cause));
      }
    },
    divide: (key, _heirs, context) => {
      both.inside(evaluate.name, key, context, (inner) => evaluate.divide(inner));
      both.inside(plan.name, key, context, ({ state }) => state.parts().forEach((part) => state.delete(part)));
    },
    close: (key, _winner, context) => both.inside(evaluate.name, key, context, (inner) => evaluate.close(inner)),
  });
}

function fraud(sources: readonly SourceConfig[], rules: FraudConfig): Processor {
  const detect = detectFraud(rules, sources);
  const handing = withHandover(detect, {
    marker: mergeMarker,
    loop: topics.customersLoop,
    seeds: topics.customersSeeds,
    sources: sources.map(({ name }) => name),
    merge: detect.merge,
  });
  // Whom a customer resembled is of no use to anybody once that customer has ended.
  const isLate = ({ topic }: StreamRecord, context: Context): boolean =>
    topic === topics.identityResembles.name && readHandover(context).closedTo !== null;
  return {
    ...handing,
    process: (record, context) => (isLate(record, context) ? context.count('late') : handing.process(record, context)),
  };
}

function mergeMarker({ topic, value }: StreamRecord): HandoverMarker | undefined {
  return topic === topics.eventsIdentified.name ? handoverMarker((value as IdentifiedEvent).marker) : undefined;
}
