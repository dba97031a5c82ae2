import { el, orNone, sync } from './draw.mjs';
import { count, duration, grade, short, time } from './format.mjs';

const find = (selector) => document.querySelector(selector);
const none = (item) => el(item.tag ?? 'li', { class: 'none' }, item.none);

function drawFigure({ name, value, grade: state }) {
  return el('div', { class: state ?? '' }, el('dt', {}, name), el('dd', {}, value));
}

function headline({ walk, status }) {
  const { mails, rejected, times } = status;
  const figures = [
    { name: 'events a second', value: count(walk.perSecond) },
    { name: 'lag', value: duration(walk.lagMs), grade: grade(walk.lagMs) },
    { name: 'sent', value: count(mails.sent) },
    { name: 'held', value: count(mails.held) },
    { name: 'rejected', value: count(rejected.count) },
  ];
  const slowest = times.hops.find(({ hop }) => hop === times.slowest);
  if (slowest !== undefined)
    figures.push({ name: `slowest hop: ${slowest.hop}`, value: duration(slowest.p95Ms), grade: grade(slowest.p95Ms) });
  if (times.message !== null) figures.push({ name: 'from event to message', value: duration(times.message.p95Ms) });
  if (mails.failed > 0) figures.splice(4, 0, { name: 'failed', value: count(mails.failed), grade: 'late' });
  if (mails.wouldSend > 0) figures.splice(4, 0, { name: 'would have been sent', value: count(mails.wouldSend) });
  sync(find('#headline'), figures, ({ name }) => name, drawFigure);
}

/** The stream widens and quickens with the rate. */
function drawHop(hop) {
  const flow = Math.min(1, Math.log10(1 + hop.perSecond) / 4);
  const item = el(
    'li',
    { class: `${grade(hop.lagMs)}${hop.perSecond > 0 ? ' flowing' : ''}` },
    el('span', { class: 'topic' }, hop.reads ?? ' '),
    el('span', { class: 'stream' }),
    el('b', {}, hop.hop),
    el('span', { class: 'rate' }, `${count(hop.perSecond)}/s`),
    hop.reads === null
      ? null
      : el('span', { class: 'lag' }, hop.lagMs === null ? 'lag not known' : `${duration(hop.lagMs)} behind`),
    hop.waiting > 0 ? el('span', { class: 'waiting' }, `${count(hop.waiting)} waiting`) : null,
    hop.trouble === undefined ? null : el('span', { class: 'refused' }, hop.trouble),
    hop.rejected > 0 ? el('span', { class: 'refused' }, `${count(hop.rejected)} rejected`) : null,
  );
  item.style.setProperty('--flow', flow.toFixed(2));
  return item;
}

function drawMessage(message) {
  const bad = ['failed', 'expired', 'unknown'].includes(message.status);
  const state = bad ? 'late' : message.status === 'sent' ? 'ok' : ['held', 'dropped'].includes(message.status) ? 'slow' : '';
  const reason = message.reason === '' ? '' : `: ${message.reason}`;
  return el(
    'span',
    { class: `message ${state}` },
    el('a', { href: `/why/${encodeURIComponent(message.id)}` }, message.activation),
    ` ${message.status}${reason}`,
  );
}

/** The way that was taken. What began with the passing of time has none, but has waited until its clock had got there. */
function hopsOf({ hops, ms, lagMs = null }) {
  if (hops.length === 0 && lagMs !== null) return ` · decided ${duration(lagMs)} later`;
  if (hops.length < 2) return '';
  return ` · ${hops.map((hop) => `${hop.hop} ${hop.ms}`).join(' + ')} = ${ms} ms`;
}

function drawDecision(decision) {
  if (decision.none) return none(decision);
  const { because, customer, segment, change, message, at } = decision;
  const cause =
    because.event === null
      ? because.cause
      : because.cause === 'event'
        ? because.event
        : `${because.cause} after ${because.event}`;
  return el(
    'li',
    { class: change },
    el('time', {}, time(at)),
    el(
      'span',
      { class: 'what' },
      el('b', {}, change === 'entered' ? '+' : '−'),
      ` ${segment} `,
      el('code', { title: customer }, short(customer)),
    ),
    el('span', { class: 'because' }, `because of ${cause} · seen up to ${time(because.seenUpTo)}${hopsOf(because)}`),
    message === null ? null : drawMessage(message),
  );
}

/** A count that waits for a source says so in the place where it is read. */
function waitsIn(waiting, segment) {
  const own = waiting.filter(({ kind, rule }) => kind === 'decision' && rule === segment);
  return own.map(({ source, count: many, since }) => ` ${count(many)} more wait for ${source} since ${time(since)}`).join(';');
}

function drawSegment(segment) {
  if (segment.none) return el('tr', {}, el('td', { class: 'none', colspan: '4' }, segment.none));
  return el(
    'tr',
    {},
    el('th', { scope: 'row' }, segment.segment, segment.waits ? el('small', { class: 'waits' }, segment.waits) : null),
    el('td', {}, count(segment.members)),
    el('td', { class: segment.entered > 0 ? 'entered' : '' }, segment.entered > 0 ? `+${count(segment.entered)}` : '0'),
    el('td', { class: segment.left > 0 ? 'left' : '' }, segment.left > 0 ? `−${count(segment.left)}` : '0'),
  );
}

const sourceGrade = { fresh: 'ok', ended: 'ok', lagging: 'slow', stale: 'late', silent: 'late' };

function drawSource(source) {
  if (source.none) return el('tr', {}, el('td', { class: 'none', colspan: '4' }, source.none));
  return el(
    'tr',
    {},
    el('th', { scope: 'row' }, source.source, source.clocks ? el('small', { class: 'waits' }, source.clocks) : null),
    el('td', { class: `chip ${sourceGrade[source.status] ?? 'slow'}`, title: `since ${time(source.since)}` }, source.status),
    el('td', { title: source.link ? `fed by ${source.link}` : '' }, time(source.watermark)),
    el('td', {}, time(source.expectedAt)),
  );
}

/** What a source claims of times is not believed where it cannot be. */
function clocksOf(clocks, source) {
  const text = { future: 'of the future, set back', skew: 'by a clock that is wrong, put right' };
  return clocks
    .filter((each) => each.source === source)
    .map(({ kind, count: many }) => `${count(many)} ${text[kind]}`)
    .join('; ');
}

function drawWaiting({ source, kind, rule, count: many, atLeast, since }) {
  const what = kind === 'message' ? 'held until it is fresh' : 'not decided: what it will tell may change the answer';
  return el(
    'tr',
    {},
    el('th', { scope: 'row' }, source),
    el('td', { title: what }, `${rule} (${kind})`),
    el('td', { class: 'chip slow' }, `${atLeast ? '≥ ' : ''}${count(many)}`),
    el('td', {}, time(since)),
  );
}

function drawTold({ at, tone, text }) {
  return el('li', { class: tone }, el('time', {}, time(at)), ` ${text}`);
}

/** Sentences name times in UTC; on this page they are those of the reader's clock, as all others. */
function inLocalTime(text) {
  return text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (iso) => time(Date.parse(iso)));
}

function drawMail(mail) {
  if (mail.none) return none(mail);
  return el(
    'li',
    {},
    el('time', {}, time(mail.at)),
    drawMessage(mail),
    el('span', { class: 'because' }, `${inLocalTime(mail.because)}${hopsOf(mail)}`),
  );
}

function drawReason(item) {
  return item.none ? none(item) : el('li', {}, el('b', {}, count(item.count)), ` ${item.kind} ${item.reason}`);
}

function drawAlert({ at, rule, reason, customer }) {
  return el(
    'li',
    {},
    el('time', {}, time(at)),
    el('b', {}, rule),
    ` ${reason} `,
    el('code', { title: customer }, short(customer)),
  );
}

function show(snapshot) {
  const { walk, status } = snapshot;
  headline(snapshot);
  find('#alerts').hidden = status.alerts.length === 0;
  sync(find('#alerts ol'), status.alerts.slice(0, 5), ({ id }) => id, drawAlert);
  find('#story').hidden = snapshot.story.length === 0;
  sync(find('#story ol'), snapshot.story, ({ at, text }) => `${at} ${text}`, drawTold);
  find('#waiting').hidden = snapshot.waiting.length === 0;
  sync(find('#waiting tbody'), snapshot.waiting, ({ source, kind, rule }) => `${source} ${kind} ${rule}`, drawWaiting);
  sync(find('#walk ol'), walk.hops, ({ hop }) => hop, drawHop);
  sync(find('#decisions ol'), orNone(status.decisions, 'None yet.'), ({ id }) => id, drawDecision);
  find('#segments small').textContent = status.complete ? '' : 'still counting';
  const segments = status.segments.map((segment) => ({ ...segment, waits: waitsIn(snapshot.waiting, segment.segment) }));
  sync(find('#segments tbody'), orNone(segments, 'Nobody is in any segment yet.'), ({ segment }) => segment, drawSegment);
  const sources = status.sources.map((each) => ({ ...each, clocks: clocksOf(snapshot.clocks, each.source) }));
  sync(find('#sources tbody'), orNone(sources, 'No source has been heard of yet.'), ({ source }) => source, drawSource);
  sync(find('#mails ol'), orNone(status.mails.last.slice(0, 8), 'None yet.'), ({ id }) => id, drawMail);
  const reasons = [
    ...status.mails.reasons.map((reason) => ({ ...reason, kind: '' })),
    ...status.rejected.reasons.map((reason) => ({ ...reason, kind: 'rejected' })),
  ];
  sync(find('#reasons ol'), orNone(reasons, 'Nothing so far.'), ({ kind, reason }) => `${kind} ${reason}`, drawReason);
}

let seen = 0;

function link(text, state) {
  const line = find('#link');
  if (line.textContent !== text) line.textContent = text;
  document.body.className = state;
}

const stream = new EventSource('/api/stream');
stream.addEventListener('message', ({ data }) => {
  const snapshot = JSON.parse(data);
  seen = Date.now();
  show(snapshot);
  link(`live, ${time(snapshot.walk.at)}`, 'live');
});
setInterval(() => {
  if (Date.now() - seen > 4000)
    link(seen === 0 ? 'no connection yet' : `no connection; this is how it stood at ${time(seen)}`, 'lost');
}, 1000);
