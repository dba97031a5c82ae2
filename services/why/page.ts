import { escapeHtml } from '../http.ts';
import type { Why } from '../views.ts';

const time = (ms: number | null): string =>
  ms === null ? 'not known' : `${new Date(ms).toISOString().replace('T', ' ').slice(0, 19)} UTC`;

function age(ms: number | null): string {
  if (ms === null) return 'not known';
  if (ms < 1000) return `${ms} ms`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" type="image/svg+xml" href="/console/icon.svg">
<link rel="stylesheet" href="/why.css">
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[], tag: string): string =>
    row.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('');
  return `<table><thead><tr>${cells(head, 'th')}</tr></thead><tbody>${rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('')}</tbody></table>`;
}

/** In the order of the questions: what, why, on how fresh facts, how fast. */
export function whyPage({ activation, segment, channel, status, reason, because, requestedAt, detail }: Why): string {
  const { seenUpTo, sources, hops, ms, event } = detail;
  const outcome = reason === '' ? status : `${status}: ${reason}`;
  return page(
    'Why did I get this?',
    `<h1>Why did I get this?</h1>
<p class="because">${escapeHtml(because)}</p>
<dl>
<dt>Message</dt><dd>${escapeHtml(activation)}${channel === '' ? '' : ` by ${escapeHtml(channel)}`}</dd>
<dt>Because you are in</dt><dd>${escapeHtml(segment)}</dd>
${event === null ? '' : `<dt>The last event that counted</dt><dd>${escapeHtml(event)}</dd>`}
<dt>Decided</dt><dd>${time(requestedAt)}</dd>
<dt>Everything seen up to</dt><dd>${time(seenUpTo)}</dd>
<dt>What became of it</dt><dd>${escapeHtml(outcome)}</dd>
</dl>
<h2>How fresh the facts were</h2>
${
  sources.length === 0
    ? '<p>No source had a part in it.</p>'
    : table(
        ['Source', 'Status', 'Facts as of', 'Age'],
        sources.map((row) => [row.source, row.status, time(row.asOf), age(row.ageMs)]),
      )
}
<h2>How long it took: ${ms} ms</h2>
${
  hops.length === 0
    ? '<p>No event caused it: its time had come.</p>'
    : table(
        ['Hop', 'At', 'Took'],
        hops.map((hop) => [hop.hop, time(hop.at), `${hop.ms} ms`]),
      )
}`,
  );
}

export function unknownPage(): string {
  return page('Nothing known', '<h1>Nothing is known about this message</h1><p>It may be older than what is kept.</p>');
}
