import type { Because, Decision, Snapshot, Waiting } from '../services/views.ts';

/** The part of a writable stream that the terminal view needs; `process.stdout` has it. */
export interface TerminalOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

export interface TerminalOptions {
  readonly out: TerminalOutput;
  readonly snapshot: () => Snapshot;
  /** Default: every second on a terminal, every 5 s without one. Milliseconds. */
  readonly intervalMs?: number;
}

/** A mail that has come. */
export interface ArrivedMail {
  /** Id of the request that it answers. */
  readonly request: string;
  readonly to: readonly string[];
  readonly subject: string;
}

export interface Terminal {
  /** Writes a line that stays, above the table. Without a terminal it is left out. */
  note(text: string): void;
  /** Notes a mail with its because; for a moment it waits for that, should the mail have been quicker. */
  mail(mail: ArrivedMail): void;
  /** Leaves the last table standing. */
  stop(): void;
}

/** How often the table is drawn before a mail whose because nobody knows is noted without. */
const PATIENCE = 3;

/** Shows the snapshot: on a terminal as a table redrawn in place below what was written before, else as one plain line each time. */
export function startTerminal({ out, snapshot, intervalMs }: TerminalOptions): Terminal {
  const tty = out.isTTY === true;
  let drawn = 0;
  let waiting: { readonly mail: ArrivedMail; draws: number }[] = [];
  const erase = (): string => (drawn === 0 ? '' : `\u001b[${drawn}A\r\u001b[J`);
  const draw = (): void => {
    if (!tty) return void out.write(`${renderLine(snapshot())}\n`);
    const state = snapshot();
    const columns = out.columns ?? 100;
    const notes = arrived(state).map((text) => `${clean(text)}\n`);
    const lines = renderScreen(state, { columns, rows: out.rows ?? 40 });
    out.write(`${erase()}${notes.join('')}${lines.join('\n')}\n`);
    drawn = lines.length;
  };
  const arrived = ({ status }: Snapshot): string[] => {
    const said: string[] = [];
    waiting = waiting.filter((one) => {
      const { request, to, subject } = one.mail;
      const decision = status.decisions.find(({ message }) => message?.id === request);
      one.draws += 1;
      if (decision === undefined && one.draws <= PATIENCE) return true;
      said.push(`mail to ${to.join(', ')}: ${subject}${decision === undefined ? '' : ` (${whyOf(decision.because)})`}`);
      return false;
    });
    return said;
  };
  const timer = setInterval(draw, intervalMs ?? (tty ? 1000 : 5000));
  if (tty) draw();
  return {
    note: (text) => {
      if (!tty) return;
      out.write(`${erase()}${clean(text)}\n`);
      drawn = 0;
      draw();
    },
    mail: (mail) => {
      if (!tty) return;
      waiting.push({ mail, draws: 0 });
      draw();
    },
    stop: () => clearInterval(timer),
  };
}

/** `events N, lag N s, entered N, left N, mails N, held N, rejected N`: whole numbers since the start of the process. */
export function renderLine({ walk, status }: Snapshot): string {
  const entered = status.segments.reduce((sum, segment) => sum + segment.entered, 0);
  const left = status.segments.reduce((sum, segment) => sum + segment.left, 0);
  const lag = Math.round((walk.lagMs ?? 0) / 1000);
  const { sent, held } = status.mails;
  return `events ${walk.events}, lag ${lag} s, entered ${entered}, left ${left}, mails ${sent}, held ${held}, rejected ${status.rejected.count}`;
}

type Tone = 'plain' | 'soft' | 'bold' | 'good' | 'warn' | 'bad';
interface Span {
  readonly text: string;
  readonly tone: Tone;
}
type Line = readonly Span[];

const codes: Readonly<Record<Tone, string>> = { plain: '', soft: '2', bold: '1', good: '32', warn: '33', bad: '31;1' };
const span = (text: string, tone: Tone = 'plain'): Span => ({ text: clean(text), tone });
const left = (text: string, width: number, tone: Tone = 'plain'): Span => span(clean(text).padEnd(width).slice(0, width), tone);
const right = (text: string, width: number, tone: Tone = 'plain'): Span => span(clean(text).padStart(width), tone);

/** The table as lines no wider than `columns`, fewer than `rows`: what does not fit is left out from below, decisions first. */
export function renderScreen(
  snapshot: Snapshot,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): readonly string[] {
  const { walk, status } = snapshot;
  const head: Line[] = [
    [],
    headline(snapshot),
    ...status.alerts.slice(0, 3).map((alert) => alertLine(alert)),
    ...snapshot.story.slice(0, 4).map(({ at, tone, text }): Line => [span(`${time(at)}  `, 'soft'), span(text, tone)]),
    [],
  ];
  const hops: Line[] = [
    [
      left('hop', 22, 'soft'),
      right('rate', 12, 'soft'),
      right('waiting', 10, 'soft'),
      right('lag', 10, 'soft'),
      right('rejected', 10, 'soft'),
    ],
    ...walk.hops.map(({ hop, perSecond, waiting, lagMs, rejected, trouble = '' }): Line => [
      left(hop, 22),
      right(`${figure(perSecond)}/s`, 12),
      right(waiting === null ? '–' : figure(waiting), 10),
      right(duration(lagMs), 10, lagTone(lagMs)),
      right(rejected === 0 ? '' : figure(rejected), 10, 'warn'),
      span(trouble === '' ? '' : `  ${trouble}`, 'bad'),
    ]),
    [],
  ];
  const sources: Line[] = [
    [left('source', 22, 'soft'), right('status', 12, 'soft'), right('seen up to', 20, 'soft'), right('next update', 20, 'soft')],
    ...status.sources.map((source): Line => [
      left(source.source, 22),
      right(
        source.status,
        12,
        source.status === 'fresh' || source.status === 'ended' ? 'good' : source.status === 'lagging' ? 'warn' : 'bad',
      ),
      right(time(source.watermark), 20),
      right(time(source.expectedAt), 20),
    ]),
    [],
  ];
  const waiting: Line[] =
    snapshot.waiting.length === 0
      ? []
      : [
          [left('waited for', 22, 'soft'), span('by whom', 'soft')],
          ...snapshot.waiting.slice(0, 6).map((each): Line => [left(each.source, 22), span(waiterInWords(each), 'warn')]),
          [],
        ];
  const segments: Line[] = [
    [
      left(status.complete ? 'segment' : 'segment (still counting)', 34, 'soft'),
      right('members', 10, 'soft'),
      right('entered', 10, 'soft'),
      right('left', 10, 'soft'),
    ],
    ...status.segments.map(({ segment, members, entered, left: gone }): Line => [
      left(segment, 34),
      right(figure(members), 10),
      right(`+${figure(entered)}`, 10, entered > 0 ? 'good' : 'soft'),
      right(`−${figure(gone)}`, 10, gone > 0 ? 'warn' : 'soft'),
    ]),
    [],
  ];
  const reasons = [...status.mails.reasons, ...status.rejected.reasons].slice(0, 4);
  const held: Line[] =
    reasons.length === 0
      ? []
      : [...reasons.map(({ reason, count }): Line => [right(figure(count), 8), span(`  ${reason}`, 'soft')]), []];
  const decisions = status.decisions.map((decision) => decisionLine(decision));
  const lines = [...head, ...hops, ...sources, ...waiting, ...segments, ...held, ...decisions].slice(0, Math.max(1, rows - 2));
  return lines.map((line) => paint(line, columns - 1));
}

function headline({ walk, status }: Snapshot): Line {
  const { sent, failed, held, wouldSend } = status.mails;
  const rest = [
    `${figure(walk.perSecond)} events/s`,
    `sent ${figure(sent)}`,
    `held ${figure(held)}`,
    ...(failed > 0 ? [`failed ${figure(failed)}`] : []),
    ...(wouldSend > 0 ? [`would have been ${figure(wouldSend)}`] : []),
    `rejected ${figure(status.rejected.count)}`,
  ];
  return [
    span('freshet  ', 'bold'),
    span(`lag ${duration(walk.lagMs)}`, lagTone(walk.lagMs)),
    span(`  ${rest.join('  ')}`),
    span(`  ${time(walk.at)}`, 'soft'),
  ];
}

/** Who waits for a source, and since when. */
export function waiterInWords({ kind, rule, count, atLeast, since }: Waiting): string {
  return `${atLeast ? 'at least ' : ''}${figure(count)} ${kind}${count === 1 ? '' : 's'} of ${rule} since ${time(since)}`;
}

function alertLine({ at, rule, reason, customer }: Snapshot['status']['alerts'][number]): Line {
  return [span(`FRAUD ${time(at)} ${rule}: ${reason} (${customer})`, 'bad')];
}

/** The event, up to when was seen what it rests on, and the way; what waited for its clock says for how long. */
function whyOf({ event, cause, seenUpTo, lagMs, ms, hops }: Because): string {
  const what = event === null ? cause : cause === 'event' ? event : `${cause} after ${event}`;
  const waited = lagMs === null ? '' : `, decided ${duration(lagMs)} later`;
  return `because of ${what}, seen up to ${time(seenUpTo)}${hops.length === 0 ? waited : `, ${hops.length} hops, ${ms} ms`}`;
}

function decisionLine({ at, change, segment, because, message }: Decision): Line {
  const sent =
    message === null ? '' : `  ${message.activation} ${message.status}${message.reason === '' ? '' : `: ${message.reason}`}`;
  const tone: Tone = message?.status === 'sent' ? 'good' : message?.status === 'failed' ? 'bad' : 'warn';
  return [
    span(`${time(at)} `, 'soft'),
    span(change === 'entered' ? '+' : '−', change === 'entered' ? 'good' : 'warn'),
    span(` ${segment} `),
    span(whyOf(because), 'soft'),
    span(sent, tone),
  ];
}

/** Cuts at `width` columns before it colours, so that no code is cut in two. */
function paint(line: Line, width: number): string {
  let room = width;
  let text = '';
  for (const { text: whole, tone } of line) {
    const part = Array.from(whole).slice(0, Math.max(0, room)).join('');
    room -= Array.from(part).length;
    text += codes[tone] === '' || part === '' ? part : `\u001b[${codes[tone]}m${part}\u001b[0m`;
  }
  return text.trimEnd();
}

/** Data may hold what moves the cursor or turns the writing round: none of that reaches the terminal. */
function clean(text: string): string {
  // oxlint-disable-next-line eslint/no-control-regex -- control characters are what it looks for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, '?');
}

function lagTone(ms: number | null): Tone {
  if (ms === null) return 'soft';
  return ms < 5000 ? 'plain' : ms < 60_000 ? 'warn' : 'bad';
}

function figure(n: number): string {
  return n > 0 && n < 10 && !Number.isInteger(n) ? n.toFixed(1) : Math.round(n).toLocaleString('en-GB');
}

function duration(ms: number | null): string {
  if (ms === null) return '–';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}

/** Local time of day, with the date when it is more than half a day away. */
function time(ms: number | null): string {
  if (ms === null) return '–';
  const at = new Date(ms);
  const clock = at.toTimeString().slice(0, 8);
  const far = Math.abs(Date.now() - ms) > 12 * 3_600_000;
  return far
    ? `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, '0')}-${String(at.getDate()).padStart(2, '0')} ${clock}`
    : clock;
}
