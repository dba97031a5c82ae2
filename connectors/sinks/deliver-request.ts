import { HOPS } from '../../runtime/hops.ts';
import { header, type RawRecord } from '../../runtime/record.ts';
import type { ActivationOutcome, ActivationRequest } from '../../schemas/generated/types.ts';
import type { Delivery } from './contract.ts';
import type { Ledger, OpenRow } from './ledger.ts';
import type { SinkTaskOptions } from './options.ts';
import type { Slots } from './slots.ts';
import { type Way, wayOf } from './way.ts';

/** What a request needs of its task. */
export interface TaskHands {
  readonly options: SinkTaskOptions;
  readonly ledger: Ledger;
  readonly slots: Slots;
  /** Monotonic time at which no attempt of an earlier owner of the partition can be under way any more. */
  readonly clearAt: number;
  /** Aborted when the task ends: attempts are finished, nothing new is begun. */
  readonly leaving: AbortSignal;
  publish(outcome: ActivationOutcome): void;
  /** The request needs no more attention; takes effect with the next commit. */
  finished(offset: number): void;
  commit(): Promise<void>;
}

type Attempt = Delivery | { readonly kind: 'unknown'; readonly reason: string };

const MAX_DOUBTS = 5;

/**
 * Brings one request to its end, or to where the next owner goes on: `attempting` committed, lease checked, effect,
 * outcome committed. An attempt that an earlier owner began and did not end is in doubt; the channel's policy decides.
 */
export async function deliverRequest(
  request: ActivationRequest,
  { offset, headers }: Pick<RawRecord, 'offset' | 'headers'>,
  hands: TaskHands,
): Promise<void> {
  const { options, ledger, leaving } = hands;
  const { sink, timing } = options;
  const known = ledger.row(request.id);
  if (known?.state === 'done') {
    if (known.offset !== offset) options.count('duplicate');
    return hands.finished(offset);
  }
  let row = known ?? { state: 'waiting' as const, offset, attempt: 0, doubts: 0, notBefore: 0, outcome: outcomeOf(request) };
  if (row.state === 'attempting') {
    await timing.sleep(hands.clearAt - timing.monotonic(), leaving);
    if (leaving.aborted) return;
    row = doubt(row, 'the attempt was cut off by a restart', options);
  }
  while (!leaving.aborted) {
    await timing.sleep(row.notBefore - timing.now(), leaving);
    const release = await admitted(hands);
    try {
      if (leaving.aborted) return;
      if (row.doubts > 0 && (sink.onUnknown === 'skip' || row.doubts > MAX_DOUBTS))
        return void (await settle(row, 'unknown', '', hands));
      if (timing.now() > request.expiresAt) return void (await settle(row, row.doubts > 0 ? 'unknown' : 'expired', '', hands));
      row = await begin(row, hands);
      const delivery = await attempt(request, row, hands);
      if (delivery.kind === 'sent') {
        const sent = withHop(row, wayOf(request, header(headers, HOPS)), timing.now());
        return options.handedOver(request, await settle(sent, 'sent', delivery.reference, hands));
      }
      row = { ...row, outcome: { ...row.outcome, reason: delivery.reason } };
      if (delivery.kind === 'failed') return void (await settle(row, 'failed', '', hands));
      row =
        delivery.kind === 'unknown'
          ? doubt(row, delivery.reason, options)
          : later(row, timing.now() + (delivery.afterMs ?? 1000));
      ledger.set(request.id, row);
      await hands.commit();
    } finally {
      release();
    }
  }
}

async function admitted({ options, slots, leaving }: TaskHands): Promise<() => void> {
  await options.timing.sleep(options.sink.admit?.() ?? 0, leaving);
  return slots.acquire();
}

/** Commits `attempting`, again if that took longer than the lease: someone else may have taken over meanwhile. */
async function begin(row: OpenRow, hands: TaskHands): Promise<OpenRow> {
  const { ledger, options } = hands;
  for (let next = row; ;) {
    const began = options.timing.monotonic();
    const attempt = next.attempt + 1;
    const outcome = { ...next.outcome, status: 'attempting', attempt, at: options.timing.now() };
    next = { ...next, state: 'attempting', attempt, outcome };
    ledger.set(outcome.id, next);
    hands.publish(outcome);
    await hands.commit();
    if (options.timing.monotonic() - began <= options.leaseMs) return next;
  }
}

async function attempt(request: ActivationRequest, row: OpenRow, { options }: TaskHands): Promise<Attempt> {
  const { sink, timing, effectTimeoutMs } = options;
  const over = new AbortController();
  const answered = new AbortController();
  const late: Promise<Attempt> = timing.sleep(effectTimeoutMs, answered.signal).then(() => {
    if (!answered.signal.aborted) over.abort();
    return { kind: 'unknown', reason: `no answer within ${effectTimeoutMs} ms` };
  });
  const delivered: Promise<Attempt> = (async () => sink.deliver(request, { signal: over.signal, attempt: row.attempt }))().catch(
    (error: unknown) => ({ kind: 'unknown', reason: `the channel broke off: ${error instanceof Error ? error.name : 'error'}` }),
  );
  const result = await Promise.race([delivered, late]);
  answered.abort();
  return result;
}

function later(row: OpenRow, notBefore: number): OpenRow {
  return { ...row, state: 'waiting', notBefore };
}

function doubt(row: OpenRow, reason: string, { timing, count }: SinkTaskOptions): OpenRow {
  count('unknown-attempt');
  const doubts = row.doubts + 1;
  const outcome = { ...row.outcome, reason: `${reason}; nobody knows whether it was sent` };
  return { ...later(row, timing.now() + Math.min(30_000, 500 * 2 ** doubts)), doubts, outcome };
}

async function settle(row: OpenRow, status: string, reference: string, hands: TaskHands): Promise<ActivationOutcome> {
  const at = hands.options.timing.now();
  const reason = status === 'sent' ? '' : status === 'expired' ? expiry(row.outcome.reason) : row.outcome.reason;
  const outcome = { ...row.outcome, status, reason, reference, attempt: row.attempt, at };
  hands.ledger.set(row.outcome.id, { state: 'done', offset: row.offset, at });
  hands.publish(outcome);
  hands.finished(row.offset);
  await hands.commit();
  return outcome;
}

/** The sink is the last hop of the walk. */
function withHop(row: OpenRow, { hops, handedOnAt }: Way, at: number): OpenRow {
  const before = handedOnAt ?? hops.at(-1)?.at ?? at;
  const hop = { hop: `${row.outcome.channel}-sink`, at, ms: Math.max(0, at - before) };
  return { ...row, outcome: { ...row.outcome, proof: { ...row.outcome.proof, hops: [...hops, hop] } } };
}

function expiry(last: string): string {
  return last === '' ? 'it came too late to be sent' : `too late for another attempt: ${last}`;
}

function outcomeOf(request: ActivationRequest): ActivationOutcome {
  const { id, customer, activation, channel, segment, reason, proof } = request;
  return {
    id,
    customer,
    activation,
    channel,
    segment,
    because: reason,
    proof,
    status: '',
    reason: '',
    attempt: 0,
    reference: '',
    at: 0,
  };
}
