import { setTimeout as delay } from 'node:timers/promises';
import { type LeafPart, newestFacts } from '../processors/evaluate-segments/leaf-part.ts';
import { MEMBERSHIPS, type Memberships, unknownCustomer } from '../processors/evaluate-segments/membership.ts';
import { leafPart, planOf, type PlannedSegment } from '../processors/evaluate-segments/plan.ts';
import { proofOf } from '../processors/evaluate-segments/proof.ts';
import { timelineOf } from '../processors/evaluate-segments/timeline.ts';
import { staleInWords, staleNow } from '../processors/plan-activations/freshness.ts';
import { ACTIVATION, type ActivationState, nothingKnown, valueOf, valuesOf } from '../processors/plan-activations/traits.ts';
import { NODE, type Node } from '../processors/stitch-identity/site.ts';
import { lastCustomer } from '../processors/stitch-identity/timeline.ts';
import { FreshetError } from '../runtime/errors.ts';
import { partitionFor } from '../runtime/partition.ts';
import type { Context } from '../runtime/processor.ts';
import { header, tpKey } from '../runtime/record.ts';
import { partsOf } from '../runtime/state/view.ts';
import type { Lookup } from '../runtime/tables/global-tables.ts';
import type { Task } from '../runtime/task.ts';
import { partsOfMember } from '../runtime/topology.ts';
import type { SourceConfig } from '../schemas/config.ts';
import { readIdentifier } from '../schemas/identifier-rules.ts';
import { opaqueKey } from '../schemas/keys.ts';
import { topics } from '../schemas/topics.ts';
import type { Answer, Belonging, DecideView, Question } from '../services/decide/index.ts';
import type { Workspace } from '../workspace/load.ts';
import type { Pipeline } from './pipeline.ts';
import { CUSTOMERS } from './topology.ts';

/** An event that is waited for is looked for in so many of the last records of its partition, and in those to come. */
const LOOK_BACK = 2000;
const LOOK_EVERY_MS = 10;

/** What of a process is asked. */
type Local = Pick<Pipeline, 'partitions' | 'reader' | 'names'> & {
  readonly workers: readonly { readonly processor: { readonly name: string }; task(partition: number): Task | undefined }[];
  readonly kafka: { readonly admin: Pick<Pipeline['kafka']['admin'], 'startOffsets'> };
  readonly progress: { readonly tick: number };
  readonly tables: Lookup;
};

/** Decisions about customers whose tasks this process holds; for others NOT_LOCAL names the task to be asked. */
export function decideView(
  pipeline: Local,
  workspace: Pick<Workspace, 'secret' | 'identity' | 'segments' | 'activations' | 'reference'>,
  sources: readonly SourceConfig[],
  now: () => number,
): DecideView {
  const { secret, identity, segments, activations, reference } = workspace;
  const plan = planOf(segments, sources);
  const planned = new Map([...plan.segments.values()].map((each) => [each.segment.key, each]));

  const taskOf = (processor: string, key: string): { task: Task; store: NonNullable<Task['view']>; partition: number } => {
    const partition = partitionFor(key, pipeline.partitions);
    const task = pipeline.workers.find((each) => each.processor.name === processor)?.task(partition);
    const store = task?.view;
    if (!task || !store)
      throw new FreshetError(
        'NOT_LOCAL',
        `Ask the process that runs ${processor}-${partition}: it is not this one, but the member of the group ${pipeline.names.group(processor)} that has partition ${partition}.`,
        { retryable: true },
      );
    return { task, store, partition };
  };
  const customerOf = ({ customer, identifier }: Question): string | undefined => {
    if (customer !== undefined) return customer;
    const value = identifier && readIdentifier(identity.values, identifier.kind, identifier.value);
    if (identifier === undefined || value === undefined) return undefined;
    const key = opaqueKey(secret, identifier.kind, value);
    const node = partsOf(taskOf('stitch-identity', key).store, key).get(NODE) as Node | undefined;
    return node?.timeline ? lastCustomer(node.timeline) : undefined;
  };

  /** Waits until the customer's task has committed the event. Undefined: not in time. */
  const seen = async (question: Question, after: string, until: number): Promise<boolean> => {
    let customer = customerOf(question);
    while (customer === undefined && now() < until) {
      await delay(LOOK_EVERY_MS);
      customer = customerOf(question);
    }
    if (customer === undefined) return false;
    const { task, partition } = taskOf(CUSTOMERS, customer);
    const at = { topic: pipeline.names.topic(topics.eventsIdentified.name), partition };
    const id = tpKey(at.topic, partition);
    const start = (await pipeline.kafka.admin.startOffsets([at])).get(id) ?? 0;
    const stream = pipeline.reader.open(at, Math.max(start, (task.inputs?.position(id) ?? 0) - LOOK_BACK));
    try {
      let offset: number | undefined;
      for (;;) {
        for (const record of stream.take(LOOK_BACK))
          if (header(record.headers, 'message-id') === after && record.key?.toString('utf8') === customer) offset = record.offset;
        if (offset !== undefined && (task.inputs?.position(id) ?? 0) > offset && !task.working) return true;
        if (now() >= until) return false;
        await delay(LOOK_EVERY_MS);
      }
    } finally {
      stream.close();
    }
  };

  const answer = (customer: string, question: Question, event: Answer['event'], waitedMs: number): Answer | undefined => {
    const { task, store } = taskOf(CUSTOMERS, customer);
    const all = Object.fromEntries(partsOf(store, customer));
    const parts = partsOfMember('evaluate-segments', all);
    const memberships = (parts.get(MEMBERSHIPS) as Memberships | undefined) ?? unknownCustomer;
    if (parts.size === 0) return undefined;
    const { tick } = pipeline.progress;
    const context = {
      tick,
      clock: (name: string) => task.watermarks.clock(name),
      watermark: (source: string) => task.watermarks.source(source),
    };
    const leafOf = (hash: string): LeafPart | undefined => parts.get(leafPart(hash)) as LeafPart | undefined;
    const from = event === 'seen' ? 'session' : 'membership';
    const belonging = ({ segment, clock }: PlannedSegment): Belonging => {
      const known = memberships.of[segment.key];
      const facts = newestFacts(segment.leaves.map(({ hash }) => leafOf(hash)?.facts ?? {}));
      const timeline = timelineOf(segment, customer, (hash) => leafOf(hash)?.state, memberships.since);
      const reached = Math.max(known?.decided ?? Number.NEGATIVE_INFINITY, Math.min(context.clock(clock.name), tick));
      // The clock of the brokers is read some times a second: what has just been seen has happened.
      const running = Math.max(tick, ...Object.values(facts));
      const asOf = from === 'session' ? running : Number.isFinite(reached) ? reached : null;
      return {
        segment: segment.name,
        member: from === 'session' ? timeline.holds(running) : (known?.in ?? false),
        asOf,
        ageMs: asOf === null ? null : Math.max(0, now() - asOf),
        proof: proofOf(clock, facts, [], context as Context),
      };
    };
    const asked = question.segments.flatMap((name) => planned.get(name) ?? []).map(belonging);
    const activation = activations.find(({ name }) => name === question.activation);
    const base = { customer, from, event, waitedMs, segments: asked } as const;
    if (activation === undefined) return base;
    const of = planned.get(activation.segment);
    const state = (partsOfMember('plan-activations', all).get(ACTIVATION) as ActivationState | undefined) ?? nothingKnown;
    const { result: holds, read: tables } = reference.during(
      { lookup: pipeline.tables, at: tick },
      () => activation.condition?.holds(valuesOf(state)) ?? true,
    );
    const member = of && belonging(of);
    const stale = activation.freshness ? staleNow(activation.freshness, sources, context as Context) : [];
    const isIn = (member?.member ?? false) === (activation.change === 'entered');
    const reasons = [
      isIn ? '' : `the customer is ${member?.member === true ? '' : 'not '}in ${activation.segment}`,
      valueOf(state, activation.address) === undefined ? `no address for ${activation.channel} is known` : '',
      stale.length > 0 && activation.freshness?.beyond !== 'send_anyway' ? staleInWords(stale) : '',
      holds ? '' : `its condition does not hold: ${activation.condition?.text ?? ''}`,
    ].filter((reason) => reason !== '');
    const proof = member?.proof ?? { now: null, lagMs: null, sources: [], hops: [], tables: [] };
    return {
      ...base,
      activation: {
        activation: activation.name,
        goes: reasons.length === 0,
        reason: reasons.join('; '),
        proof: { ...proof, tables },
      },
    };
  };

  return {
    segments: new Set([...planned.values()].filter(({ segment }) => !segment.shadow).map(({ segment }) => segment.name)),
    activations: new Set(activations.map(({ name }) => name)),
    decide: async (question) => {
      const began = now();
      const { after, timeoutMs } = question;
      const isSeen = after === undefined ? undefined : await seen(question, after, began + timeoutMs);
      const customer = customerOf(question);
      if (customer === undefined) return undefined;
      const event = isSeen === undefined ? null : isSeen ? 'seen' : 'not seen';
      return answer(customer, question, event, now() - began);
    },
  };
}
