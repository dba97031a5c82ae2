import type {
  ActivationOutcome,
  ActivationRequest,
  ActivationWithheld,
  Cause,
  FraudAlert,
  MembershipChange,
  Proof,
  RejectedRecord,
  SourceFreshness,
} from '../schemas/generated/types.ts';
import { Recent, Tally, newest } from './tally.ts';
import { wayTimes } from './way-times.ts';
import type { Alert, Because, Decision, MailStatus, MessageStatus, SourceStatus, Status } from './views.ts';

const SHOWN = 20;
/** How many messages and decisions are kept to be joined, beyond those shown. */
const KEPT = 500;
/** Changes by loading of history are counted, but not shown as decisions. */
const HISTORY = new Set(['backfill', 'replay', 'seed', 'rule-change']);

interface Members {
  readonly now: Set<string>;
  entered: number;
  left: number;
}

/**
 * Folds the topics of decisions and deeds into the status. Members are right once every change has been given in; counts are
 * of live values only; the rest shows the newest. Values of different topics may come in any order.
 * Takes about 100 bytes for each membership.
 */
export class StatusFold {
  readonly #segments = new Map<string, Members>();
  readonly #decisions = new Recent<Decision>(KEPT);
  /** Newest state of a message, by the id of the membership change that caused it. */
  readonly #messages = new Recent<MessageStatus>(KEPT);
  readonly #mails = new Recent<MailStatus>(KEPT);
  readonly #sources = new Map<string, SourceStatus>();
  readonly #alerts = new Recent<Alert>(SHOWN);
  readonly #reasons = new Tally(50);
  readonly #rejections = new Tally(50);
  readonly #counts = { sent: 0, failed: 0, held: 0, released: 0, dropped: 0, wouldSend: 0, rejected: 0 };
  /** When that happened which led to a message. */
  readonly #occurred = new Recent<number>(KEPT);
  /** Messages that are held. */
  readonly #held = new Recent<true>(KEPT);
  complete = false;

  membership(change: MembershipChange, live: boolean): void {
    const { id, customer, segment, effectiveAt, cause, proof } = change;
    const members = this.#segments.get(segment) ?? { now: new Set<string>(), entered: 0, left: 0 };
    this.#segments.set(segment, members);
    if (change.change === 'entered') members.now.add(customer);
    else members.now.delete(customer);
    if (live && change.change === 'entered') members.entered++;
    else if (live) members.left++;
    if (HISTORY.has(cause.kind)) return;
    const at = proof.hops.at(-1)?.at ?? effectiveAt;
    this.#decisions.put(id, {
      id,
      at,
      customer,
      segment,
      change: change.change,
      because: becauseOf(cause, proof),
      message: null,
    });
  }

  requested(request: ActivationRequest): void {
    const { id, customer, activation, channel, membership, segment, reason, requestedAt, occurredAt, proof } = request;
    if (occurredAt !== null) this.#occurred.put(id, occurredAt);
    const message = { id, activation, status: 'requested', reason: '' };
    this.#messages.put(membership, message);
    if (this.#held.delete(id)) this.#counts.released++;
    if (this.#mails.get(id) === undefined || this.#mails.get(id)?.status === 'held')
      this.#mails.put(id, mailOf({ ...message, at: requestedAt, channel, segment, customer, because: reason }, proof));
  }

  withheld(
    { id, customer, activation, segment, membership, gate, reason, decision, cause, proof }: ActivationWithheld,
    live: boolean,
  ): void {
    const message = { id, activation, status: decision, reason };
    if (!HISTORY.has(cause.kind)) this.#messages.put(membership, message);
    const wouldSend = decision === 'would-send';
    if (live && decision === 'dropped' && this.#held.delete(id)) this.#counts.dropped++;
    if (live && decision === 'held') this.#held.put(id, true);
    if (live && wouldSend) this.#counts.wouldSend++;
    if (live && !wouldSend) this.#counts.held++;
    if (live && !wouldSend) this.#reasons.add(`${decision}: ${gate}`);
    const at = proof.hops.at(-1)?.at ?? proof.now ?? 0;
    if (!wouldSend) this.#mails.put(id, mailOf({ ...message, at, channel: '', segment, customer, because: reason }, proof));
  }

  outcome(
    { id, customer, activation, channel, status, reason, at, segment, because, proof }: ActivationOutcome,
    live: boolean,
  ): void {
    this.#mails.put(id, mailOf({ id, activation, status, reason, at, channel, segment, customer, because }, proof));
    if (!live || status === 'attempting') return;
    if (status === 'sent') this.#counts.sent++;
    else this.#counts.failed++;
    if (status !== 'sent') this.#reasons.add(`${status}: ${reason}`);
  }

  alert({ id, effectiveAt, customer, rule, reason }: FraudAlert): void {
    this.#alerts.put(id, { id, at: effectiveAt, customer, rule, reason });
  }

  source({ source, status, watermark, asOf, lagMs, since, expectedAt, link }: SourceFreshness): void {
    this.#sources.set(source, { source, status, watermark, asOf, lagMs, since, expectedAt, link });
  }

  rejected(
    { source, processor, step, reason }: Pick<RejectedRecord, 'source' | 'processor' | 'step' | 'reason'>,
    live: boolean,
  ): void {
    if (!live) return;
    this.#counts.rejected++;
    this.#rejections.add(`${source ?? processor}, ${step}: ${reason}`);
  }

  snapshot(at: number): Status {
    const { sent, failed, held, released, dropped, wouldSend, rejected } = this.#counts;
    const byMembership = (decision: Decision): Decision => {
      const message = this.#messages.get(decision.id);
      const mail = message === undefined ? undefined : this.#mails.get(message.id);
      return message === undefined ? decision : { ...decision, message: { ...message, ...pick(mail) } };
    };
    return {
      at,
      complete: this.complete,
      segments: [...this.#segments]
        .map(([segment, { now, entered, left }]) => ({ segment, members: now.size, entered, left }))
        .sort((a, b) => (a.segment < b.segment ? -1 : 1)),
      mails: {
        sent,
        failed,
        held,
        released,
        dropped,
        wouldSend,
        reasons: this.#reasons.top(8),
        last: newest(this.#mails, SHOWN),
      },
      decisions: newest(this.#decisions, SHOWN).map(byMembership),
      times: wayTimes(
        this.#decisions.values().map(({ because }) => because.hops),
        this.#mails
          .values()
          .filter(({ status }) => status === 'sent')
          .map(({ id, at: sentAt, hops }) => ({ occurredAt: this.#occurred.get(id) ?? null, at: sentAt, hops })),
      ),
      sources: [...this.#sources.values()].sort((a, b) => (a.source < b.source ? -1 : 1)),
      alerts: newest(this.#alerts, SHOWN),
      rejected: { count: rejected, reasons: this.#rejections.top(8) },
    };
  }
}

function pick(mail: MailStatus | undefined): Partial<MessageStatus> {
  return mail === undefined ? {} : { status: mail.status, reason: mail.reason };
}

function mailOf(mail: Omit<MailStatus, 'seenUpTo' | 'hops' | 'ms'>, { now, hops }: Proof): MailStatus {
  return { ...mail, seenUpTo: now, hops, ms: total(hops) };
}

export function becauseOf(
  { kind, event, messageId }: Pick<Cause, 'kind' | 'event' | 'messageId'>,
  { now, lagMs, sources, hops }: Proof,
): Because {
  return { cause: kind, event, messageId, seenUpTo: now, lagMs, sources, hops, ms: total(hops) };
}

function total(hops: Proof['hops']): number {
  return hops.reduce((sum, { ms }) => sum + ms, 0);
}
