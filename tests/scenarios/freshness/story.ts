import { formatDuration } from '../../../schemas/duration.ts';
import type { Proof } from '../../../schemas/generated/types.ts';
import { at as minute } from '../../support/open-walk.ts';
import type { Verdict } from './judge.ts';
import type { Expected } from './model.ts';
import type { Play, Played } from './play.ts';
import { nights, outage, repeat, type Script } from './script.ts';

const clock = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'Europe/London',
  weekday: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});
const local = (epoch: number): string => clock.format(epoch).replace(',', '');
const age = (ms: number): string => formatDuration(Math.round(ms / 60_000) * 60_000);
const indent = ' '.repeat(11);

const becomes: Readonly<Record<Played['kind'], string>> = {
  sent: 'sent at once',
  held: 'held',
  released: 'released',
  expired: 'dropped, no longer valid',
  outdated: 'dropped, outdated',
};

/** The two days as one would tell them: what happened, what became of the messages, and for one of each kind its proof. */
export function story(script: Script, { decisions, statuses }: Play): readonly string[] {
  const lines: { readonly at: number; readonly text: readonly string[] }[] = [
    ...happenings(script),
    ...statuses
      .filter(({ report }) => report.before !== 'silent')
      .map(({ at, report }) => {
        const due =
          report.expectedAt === null
            ? ''
            : `, its next update ${report.status === 'stale' ? 'was' : 'is'} due ${local(report.expectedAt)}`;
        return { at, text: [`${report.source} is ${report.status}: seen up to ${local(report.watermark ?? 0)}${due}`] };
      }),
  ];
  const told = new Set<string>();
  for (const each of decisions) {
    const group = decisions.filter(
      ({ at, kind, activation }) => at === each.at && kind === each.kind && activation === each.activation,
    );
    if (group[0] !== each || (each.kind === 'sent' && told.has(`sent ${each.activation} ${each.at > nights.failed}`))) continue;
    // Once before the night that fails, and once after.
    const sample = `${each.kind} ${each.activation} ${each.at > nights.failed}`;
    const proof = told.has(sample) ? [] : proofInWords(each);
    told.add(sample);
    const more = each.kind === 'sent' ? 'the first of them' : `${group.length}`;
    lines.push({ at: each.at, text: [`${each.activation} ${becomes[each.kind]}: ${more}`, ...proof] });
  }
  return lines
    .toSorted((a, b) => a.at - b.at)
    .flatMap(({ at, text }) => text.map((line, i) => (i === 0 ? `${local(minute(at))}  ${line}` : `${indent}${line}`)));
}

function happenings({ watchers, reached }: Script): { at: number; text: readonly string[] }[] {
  return [
    { at: nights.good + 2, text: [`the stock file of the night comes, ${watchers.length} lines`] },
    { at: outage.from, text: ['the gateway of the shop stops; carts and orders stay with their senders'] },
    { at: outage.until, text: ['the gateway is back, and takes what had waited'] },
    { at: nights.failed + 2, text: [`the stock file of the night breaks off after ${reached} of ${watchers.length} lines`] },
    { at: repeat.at, text: [`the stock file is sent anew, ${watchers.length} lines as of ${local(minute(repeat.asOf))}`] },
  ];
}

/** Why, and how fresh what it rests on was. */
function proofInWords({ record }: Played): readonly string[] {
  return [`because ${record.reason}`, ...sourcesInWords(record.proof)];
}

function sourcesInWords({ sources, hops }: Proof): readonly string[] {
  const each = sources.map(({ source, watermark, asOf, ageMs, status, link }) => {
    const seen = watermark === null ? 'not seen yet' : `seen up to ${local(watermark)}`;
    const fact = asOf === null || ageMs === null ? '' : `, holds as of ${local(asOf)}, ${age(ageMs)} old`;
    return `  ${source} ${status}, ${seen}${fact}${link === null ? '' : `, fed by ${link}`}`;
  });
  if (hops.length === 0) return each;
  const way = hops.map(({ hop, at, ms }, i) => (i === 0 ? `${hop} at ${local(at)}` : `${hop} ${ms} ms later`));
  return [...each, `  by way of ${way.join(', ')}`];
}

/** What would have gone wrong without any of this, and the sum. */
export function ending(verdict: Verdict, { decisions }: Play, { inTimeButLate }: Expected): readonly string[] {
  const { held, released, dropped, falseAbsences, wrongReleases, differences } = verdict;
  const gone = decisions.filter(({ kind }) => kind === 'outdated').length;
  return [
    ...differences,
    `a clock on the wall would have called ${inTimeButLate.size} carts abandoned that had been ordered in time;`,
    `without the gate ${gone} mails would have praised what was not there, or not cheaper, by the time the stock was known`,
    `held ${held}, released ${released}, dropped ${dropped}, false-absences ${falseAbsences}, wrong-releases ${wrongReleases}`,
  ];
}

/** Nothing false, nothing wrong, and nothing else than what the model says. */
export function isRight({ falseAbsences, wrongReleases, differences }: Verdict): boolean {
  return falseAbsences === 0 && wrongReleases === 0 && differences.length === 0;
}
