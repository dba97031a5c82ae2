import type { Because, Decision, HopStatus, MailStatus, ProfileView, Snapshot, TraceView, WhyView } from '../views.ts';

/** A pipeline as it may look on an ordinary day, with one source behind, one alert, and text that would be markup. */
const now = Date.UTC(2026, 2, 14, 3, 12, 40);
export const HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=1</script>';

const hop = (
  name: string,
  reads: string | null,
  perSecond: number,
  lagMs: number | null,
  waiting = 0,
  rejected = 0,
): HopStatus => ({
  hop: name,
  reads,
  perSecond,
  waiting,
  lagMs,
  rejected,
});

const because = (event: string | null, ms: number, cause = 'event', at = now): Because => ({
  cause,
  event,
  messageId: event === null ? null : `msg-${ms}`,
  seenUpTo: at - 1200,
  lagMs: 1200,
  sources: [{ source: 'till', watermark: at - 1200, asOf: at - 1500, ageMs: 300, status: 'fresh', link: null }],
  hops:
    cause === 'event'
      ? [
          { hop: 'gateway', at: at - ms, ms: 3 },
          { hop: 'tag-freshness', at: at - ms + 12, ms: 12 },
          { hop: 'stitch-identity', at: at - 20, ms: 19 },
          { hop: 'evaluate-segments', at, ms: ms - 34 },
        ]
      : [],
  ms: cause === 'event' ? ms : 0,
});

const segments = ['regulars', 'first-visit', 'left-halfway', 'big-table', HOSTILE];

export function fakeSnapshot(at = now): Snapshot {
  const decisions = Array.from({ length: 20 }, (_, i): Decision => {
    const segment = segments[i % 5] ?? 'regulars';
    const timer = i % 3 === 2;
    const status = ['sent', 'held', 'requested', 'failed'][i % 4] ?? 'sent';
    const reason = { held: 'source stock is stale (26 h old)', failed: 'the mail server answered 550 to RCPT TO' }[status] ?? '';
    return {
      id: `m${i}`,
      at: at - i * 2300,
      customer: `c_9fQ2${i}kLmN0pQrStUvWx${i}`,
      segment,
      change: i % 4 === 3 ? 'left' : 'entered',
      because: because(i === 4 ? HOSTILE : 'Table Booked', 58 + i, timer ? 'timer' : 'event', at - i * 2300),
      message: i % 2 === 0 ? { id: `r${i}`, activation: 'a-word-of-thanks', status, reason } : null,
    };
  });
  const last = decisions.flatMap(({ message, because: b, ...rest }): MailStatus[] =>
    message === null
      ? []
      : [
          {
            ...rest,
            ...message,
            channel: 'email',
            because: `${b.event ?? b.cause} at the till`,
            seenUpTo: b.seenUpTo,
            hops: b.hops,
            ms: b.ms,
          },
        ],
  );
  return {
    walk: {
      at,
      events: 184_220,
      perSecond: 148.6,
      lagMs: 340,
      hops: [
        hop('gateway', null, 148.6, 0),
        hop('tag-freshness', 'events.raw', 148.2, 45, 3, 12),
        hop('stitch-identity', 'events.tagged', 147.9, 90, 8),
        hop('evaluate-segments', 'events.identified', 146.1, 7400, 1204),
        hop('detect-fraud', 'events.identified', 146.4, 210),
        hop('email sink', 'activations.requested', 0.4, 30),
      ],
    },
    status: {
      at,
      complete: true,
      segments: segments.map((segment, i) => ({
        segment,
        members: [18_402, 231, 57, 9, 1][i] ?? 0,
        entered: 40 - i * 9,
        left: 12 - i * 3,
      })),
      mails: {
        sent: 312,
        failed: 2,
        held: 41,
        released: 11,
        dropped: 7,
        wouldSend: 1290,
        reasons: [
          { reason: 'held: freshness', count: 23 },
          { reason: 'dropped: consent', count: 18 },
        ],
        last,
      },
      decisions,
      sources: [
        {
          source: 'till',
          status: 'fresh',
          watermark: at - 1200,
          asOf: at - 1500,
          lagMs: 1200,
          since: at - 7_200_000,
          expectedAt: null,
          link: null,
        },
        {
          source: 'site',
          status: 'lagging',
          watermark: at - 9000,
          asOf: at - 9100,
          lagMs: 9000,
          since: at - 60_000,
          expectedAt: null,
          link: null,
        },
        {
          source: 'warehouse',
          status: 'stale',
          watermark: at - 93_600_000,
          asOf: at - 93_600_000,
          lagMs: 93_600_000,
          since: at - 3_600_000,
          expectedAt: at - 7_200_000,
          link: null,
        },
      ],
      times: {
        hops: [
          { hop: 'gateway', count: 340, medianMs: 3, p95Ms: 8 },
          { hop: 'evaluate-segments', count: 340, medianMs: 24, p95Ms: 1480 },
        ],
        slowest: 'evaluate-segments',
        message: { count: 312, medianMs: 140, p95Ms: 2100 },
      },
      alerts: [
        {
          id: 'f1',
          at: at - 4000,
          customer: 'c_eV1lQ2kLmN0pQrStUvWx',
          rule: 'new-device-then-address',
          reason: `a new address 4 min after a new device ${HOSTILE}`,
        },
      ],
      rejected: { count: 12, reasons: [{ reason: 'site, validate: properties.total: expected a number', count: 12 }] },
    },
    waiting: [
      { source: 'warehouse', kind: 'message', rule: 'there-again', count: 4, atLeast: false, since: at - 90_000 },
      { source: 'site', kind: 'decision', rule: segments[1] ?? '', count: 17, atLeast: true, since: at - 30_000 },
    ],
    clocks: [
      { source: 'site', kind: 'skew', count: 31 },
      { source: 'till', kind: 'future', count: 2 },
    ],
    story: [{ at: at - 30_000, tone: 'bad', text: `The till is silent ${HOSTILE}` }],
  };
}

export const fakeProfiles: ProfileView = {
  find: async (kind, value) =>
    kind === 'email' && value === 'ada@example.com'
      ? {
          customer: 'c_1',
          facts: [{ name: 'first_name', value: 'Ada', source: 'till', known: 'declared', occurredAt: now - 500, ageMs: 500 }],
          memberships: [{ segment: 'regulars', since: now - 1000 }],
        }
      : undefined,
};

export const fakeWhy: WhyView = {
  why: async (id) =>
    id === 'r1'
      ? {
          id,
          activation: 'a-word-of-thanks',
          segment: 'regulars',
          channel: 'email',
          status: 'sent',
          reason: '',
          because: `three visits within thirty days ${HOSTILE}`,
          requestedAt: now,
          detail: because('Table Booked', 64),
        }
      : undefined,
};

export const fakeTrace: TraceView = {
  trace: async (messageId) =>
    messageId === 'msg-1'
      ? {
          messageId,
          source: 'till',
          event: 'Table Booked',
          customer: 'c_1',
          state: 'accepted',
          hops: [],
          changed: ['entered regulars'],
        }
      : undefined,
};
