import { describe, expect, it } from '@jest/globals';
import type {
  ActivationOutcome,
  ActivationRequest,
  ActivationWithheld,
  MembershipChange,
  Proof,
} from '../schemas/generated/types.ts';
import { StatusFold } from './status-fold.ts';

const proof: Proof = {
  now: 1000,
  lagMs: 40,
  sources: [{ source: 's', watermark: 1000, asOf: 900, ageMs: 100, status: 'fresh', link: null }],
  hops: [
    { hop: 'gateway', at: 1100, ms: 3 },
    { hop: 'tag-freshness', at: 1109, ms: 9 },
  ],
  tables: [],
};
const cause = { kind: 'event', messageId: 'e1', event: 'Paid', after: null, corrects: null };

function change(sequence: number, customer: string, entered: boolean, more: Partial<MembershipChange> = {}): MembershipChange {
  const base = {
    id: `m${sequence}-${customer}`,
    customer,
    segment: 'vip',
    version: 'v',
    sequence,
    effectiveAt: sequence,
    cause,
    proof,
  };
  return { ...base, change: entered ? 'entered' : 'left', ...more };
}

const request = (id: string, membership: string): ActivationRequest => ({
  id,
  customer: 'c1',
  activation: 'thanks',
  channel: 'email',
  to: 'ada@example.com',
  template: 'thanks',
  data: '{}',
  membership,
  segment: 'vip',
  reason: 'because of Paid',
  requestedAt: 1200,
  occurredAt: 900,
  expiresAt: 2000,
  cause,
  proof,
});
const outcome = (id: string, status: string, reason = ''): ActivationOutcome => ({
  id,
  customer: 'c1',
  activation: 'thanks',
  channel: 'email',
  status,
  reason,
  attempt: 1,
  reference: '',
  at: 1300,
  segment: 'vip',
  because: 'because of Paid',
  proof,
});
const withheld = (id: string, decision: string, gate: string): ActivationWithheld => ({
  id,
  customer: 'c1',
  activation: 'thanks',
  segment: 'vip',
  membership: `m-${id}`,
  gate,
  reason: `the gate ${gate} is closed`,
  decision,
  cause,
  proof,
});

describe('the status', () => {
  it('counts members over all history, and who entered and left since the start', () => {
    const fold = new StatusFold();
    fold.membership(change(1, 'a', true), false);
    fold.membership(change(1, 'b', true), false);
    fold.membership(change(2, 'a', false), true);
    fold.membership(change(3, 'a', true), true);
    fold.membership(change(1, 'c', true, { segment: 'new' }), true);
    expect(fold.snapshot(5).segments).toEqual([
      { segment: 'new', members: 1, entered: 1, left: 0 },
      { segment: 'vip', members: 2, entered: 1, left: 1 },
    ]);
  });

  it('is right about members whose entering is older than the topic goes back', () => {
    const fold = new StatusFold();
    fold.membership(change(7, 'a', false), false);
    expect(fold.snapshot(5).segments).toMatchObject([{ members: 0 }]);
  });

  it('shows a decision with its because, and what became of its message, in any order of arrival', () => {
    const steps = [
      (fold: StatusFold) => fold.membership(change(1, 'c1', true), true),
      (fold: StatusFold) => fold.requested(request('r1', 'm1-c1')),
      (fold: StatusFold) => {
        fold.outcome(outcome('r1', 'attempting'), true);
        fold.outcome(outcome('r1', 'sent'), true);
      },
    ];
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const fold = new StatusFold();
      for (const step of order) steps[step]?.(fold);
      const { decisions, mails } = fold.snapshot(5);
      expect(decisions).toMatchObject([
        {
          customer: 'c1',
          segment: 'vip',
          change: 'entered',
          at: 1109,
          because: { cause: 'event', event: 'Paid', messageId: 'e1', seenUpTo: 1000, lagMs: 40, ms: 12 },
          message: { id: 'r1', activation: 'thanks', status: 'sent', reason: '' },
        },
      ]);
      expect(mails).toMatchObject({
        sent: 1,
        failed: 0,
        last: [{ id: 'r1', status: 'sent', because: 'because of Paid', ms: 12 }],
      });
    }
  });

  it('knows how long the way took: from what happened to the message, and which hop was the slowest', () => {
    const fold = new StatusFold();
    fold.outcome(
      { ...outcome('r1', 'sent'), proof: { ...proof, hops: [...proof.hops, { hop: 'sink', at: 1300, ms: 191 }] } },
      true,
    );
    fold.requested(request('r1', 'm1-c1'));
    fold.outcome(outcome('r2', 'failed'), true);
    fold.membership(change(1, 'c1', true), true);
    expect(fold.snapshot(5).times).toEqual({
      hops: [
        { hop: 'gateway', count: 1, medianMs: 3, p95Ms: 3 },
        { hop: 'tag-freshness', count: 1, medianMs: 9, p95Ms: 9 },
        { hop: 'sink', count: 1, medianMs: 191, p95Ms: 191 },
      ],
      slowest: 'sink',
      message: { count: 1, medianMs: 400, p95Ms: 400 },
    });
  });

  it('counts what was withheld or failed by reason; what history would have sent apart', () => {
    const fold = new StatusFold();
    fold.withheld(withheld('w1', 'dropped', 'consent'), true);
    fold.withheld(withheld('w2', 'held', 'freshness'), true);
    fold.withheld(withheld('w3', 'dropped', 'consent'), true);
    fold.withheld(withheld('w4', 'would-send', 'cause'), true);
    fold.withheld(withheld('w5', 'dropped', 'consent'), false);
    fold.outcome(outcome('r2', 'failed', 'answered 550'), true);
    const { mails } = fold.snapshot(5);
    expect(mails).toMatchObject({ sent: 0, failed: 1, held: 3, wouldSend: 1 });
    expect(mails.reasons).toEqual([
      { reason: 'dropped: consent', count: 2 },
      { reason: 'failed: answered 550', count: 1 },
      { reason: 'held: freshness', count: 1 },
    ]);
    expect(mails.last.map(({ id, status, reason }) => [id, status, reason])).toContainEqual([
      'w2',
      'held',
      'the gate freshness is closed',
    ]);
  });

  it('shows the newest twenty decisions, and none that only load history', () => {
    const fold = new StatusFold();
    for (let i = 0; i < 700; i++) {
      fold.membership(change(i, 'a', i % 2 === 0, { proof: { ...proof, hops: [{ hop: 'h', at: i, ms: 1 }] } }), true);
    }
    fold.membership(
      change(900, 'a', true, {
        cause: { ...cause, kind: 'backfill' },
        proof: { ...proof, hops: [{ hop: 'h', at: 900, ms: 1 }] },
      }),
      true,
    );
    const { decisions } = fold.snapshot(5);
    expect(decisions.map(({ at }) => at)).toEqual(Array.from({ length: 20 }, (_, i) => 699 - i));
  });

  it('counts live rejections by reason', () => {
    const fold = new StatusFold();
    for (const live of [true, true, false]) {
      fold.rejected({ source: 'shop', processor: 'tag-freshness', step: 'validate', reason: 'no event' }, live);
    }
    expect(fold.snapshot(5).rejected).toEqual({ count: 2, reasons: [{ reason: 'shop, validate: no event', count: 2 }] });
  });
});
