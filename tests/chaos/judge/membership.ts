import type { ActivationRequest, ActivationWithheld, MembershipChange, ProfileChange } from '../../../schemas/generated/types.ts';
import { activationOf, LATENESS_MS } from '../settings.ts';
import type { Counts } from './counts.ts';
import type { HopsJudge } from './hops.ts';
import type { RawEvent, RawLog } from './raw-log.ts';
import { segmentNames, stepsOf } from './rules.ts';

interface Change {
  readonly segment: string;
  readonly entered: boolean;
  readonly at: number;
  readonly cause: string;
  readonly event: number | undefined;
}

const causes: ReadonlySet<string> = new Set(['event', 'timer', 'merge', 'correction']);

/** Folds what is published of customers, and compares it with a plain computation from their raw events. */
export class MembershipJudge {
  readonly #counts: Counts;
  readonly #changes = new Map<string, Change[]>();
  readonly #in = new Set<string>();
  readonly #ids = new Set<string>();
  /** Ids of changes that must cause an activation, with the kind of their cause. */
  readonly #awaited = new Map<string, string>();
  readonly #traits = new Map<string, string | null>();

  constructor(counts: Counts) {
    this.#counts = counts;
  }

  get changes(): number {
    return this.#ids.size;
  }

  change({ id, customer, segment, change, sequence, effectiveAt, cause }: MembershipChange): void {
    const wrong = (what: string): void => this.#counts.add('membership-diff', what, `${segment} of ${customer}, ${sequence}`);
    const own = this.#changes.get(customer) ?? [];
    this.#changes.set(customer, own);
    if (this.#ids.has(id)) wrong('an id twice');
    this.#ids.add(id);
    if (sequence !== own.length + 1) wrong('a gap in the sequence, or a repetition');
    const entered = change === 'entered';
    const place = `${customer} ${segment}`;
    if (this.#in.has(place) === entered) wrong(`${change} twice`);
    if (entered) this.#in.add(place);
    else this.#in.delete(place);
    if (!causes.has(cause.kind) || (cause.kind === 'event') !== (cause.messageId !== null && cause.kind !== 'correction'))
      wrong(`no proper cause: ${cause.kind}`);
    const event = cause.messageId === null ? undefined : Number(cause.messageId.slice(1));
    own.push({ segment, entered, at: effectiveAt, cause: cause.kind, event });
    if (entered && activationOf[segment] !== undefined) this.#awaited.set(id, cause.kind);
  }

  activation(kind: 'requested' | 'withheld', { membership, activation, segment }: ActivationRequest | ActivationWithheld): void {
    const cause = this.#awaited.get(membership);
    const wrong = (what: string): void => this.#counts.add('membership-diff', what, `${activation} for ${membership}`);
    if (cause === undefined) return wrong(`an activation ${kind} twice, or for nothing`);
    this.#awaited.delete(membership);
    if (activation !== activationOf[segment]) wrong('an activation of another segment');
    if (kind === 'requested' && cause !== 'event' && cause !== 'timer') wrong(`requested because of a ${cause}`);
  }

  trait({ customer, trait, value }: ProfileChange): void {
    this.#traits.set(`${customer} ${trait}`, value);
  }

  /** When all have been read. `ackedAfter`: how long after it happened an event was acknowledged, by its number. */
  finish(log: RawLog, hops: HopsJudge, ackedAfter: Float64Array): void {
    for (const [id, cause] of this.#awaited) this.#counts.add('membership-diff', 'no activation for a change', `${id}, ${cause}`);
    const events = new Map<string, RawEvent[]>();
    const times = new Float64Array(log.events.length);
    for (const event of log.events) {
      const label = event === undefined ? undefined : hops.labels[event.index];
      if (event === undefined || label === undefined) continue;
      const customer = hops.resolve(label);
      const own = events.get(customer) ?? [];
      events.set(customer, own);
      own.push(event);
      times[event.index] = event.at;
    }
    const merged = new Set([...hops.mergedInto.keys(), ...hops.mergedInto.values()]);
    for (const [customer, own] of events) this.#compare(customer, own, merged, hops, ackedAfter);
    for (const [customer, changes] of this.#changes) {
      if (hops.mergedInto.has(customer))
        for (const segment of segmentNames)
          if (this.#in.has(`${customer} ${segment}`))
            this.#counts.add('membership-diff', 'never left by a customer who ended', `${segment} of ${customer}`);
      for (const change of changes) this.#checkCause(customer, change, hops, times);
    }
  }

  #compare(
    customer: string,
    events: readonly RawEvent[],
    merged: ReadonlySet<string>,
    hops: HopsJudge,
    ackedAfter: Float64Array,
  ): void {
    const changes = this.#changes.get(customer) ?? [];
    const punctual = !merged.has(customer) && arePunctual(events, hops, ackedAfter);
    for (const segment of segmentNames) {
      const steps = stepsOf(segment, events);
      const where = `${segment} of ${customer}`;
      if ((steps.at(-1)?.holds ?? false) !== this.#in.has(`${customer} ${segment}`))
        this.#counts.add('membership-diff', 'membership is not what the events say', where);
      if (!punctual) continue;
      const said = changes.filter((change) => change.segment === segment).map(({ at, entered }) => `${entered} ${at}`);
      const meant = steps.map(({ at, holds }) => `${holds} ${at}`);
      if (said.join() !== meant.join())
        this.#counts.add(
          'membership-diff',
          'changes are not those of the events',
          `${where}: ${said.join()} for ${meant.join()}`,
        );
    }
    const traits = new Map<string, readonly [RawEvent, unknown]>();
    for (const event of events) {
      for (const [trait, value] of Object.entries(event.traits)) {
        const [known] = traits.get(trait) ?? [];
        const isNewer =
          known === undefined || event.at > known.at || (event.at === known.at && `e${event.index}` > `e${known.index}`);
        if (isNewer) traits.set(trait, [event, value]);
      }
    }
    for (const [trait, [, value]] of traits)
      if (this.#traits.get(`${customer} ${trait}`) !== JSON.stringify(value))
        this.#counts.add('state-diff', 'a trait is not the newest', `${trait} of ${customer}`);
  }

  /** An event that caused a change is the customer's, and not after it. */
  #checkCause(customer: string, { segment, cause, event, at }: Change, hops: HopsJudge, times: Float64Array): void {
    if (cause !== 'event' || event === undefined) return;
    if ((times[event] ?? 0) > at)
      this.#counts.add('membership-diff', 'caused by an event after it', `${segment} of ${customer}, e${event}`);
    const label = hops.labels[event];
    if (label !== undefined && hops.resolve(label) === hops.resolve(customer)) return;
    this.#counts.add('membership-diff', 'caused by an event of another customer', `${segment} of ${customer}, e${event}`);
  }
}

/** One identifier, in the order of time, and acknowledged before any clock could have passed: then each change has its one place. */
function arePunctual(events: readonly RawEvent[], { taggedAt }: HopsJudge, ackedAfter: Float64Array): boolean {
  const inLog = [...events].sort((a, b) => (taggedAt[a.index] ?? 0) - (taggedAt[b.index] ?? 0));
  return inLog.every((event, i) => {
    const before = inLog[i - 1];
    const isNext = before === undefined || (before.at < event.at && before.names[0] === event.names[0]);
    return isNext && (ackedAfter[event.index] ?? Number.POSITIVE_INFINITY) <= LATENESS_MS;
  });
}
