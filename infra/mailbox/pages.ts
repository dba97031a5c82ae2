import type { Mail } from './store.ts';

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

const time = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').slice(0, 19);

function page(base: string, title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<link rel="stylesheet" href="${base}/mailbox.css">
<script type="module" src="${base}/mailbox.mjs"></script>
</head>
<body>
${body}
</body>
</html>
`;
}

/** All mails, newest first. `base` is where the mailbox is mounted, without a slash at the end. */
export function listPage(base: string, mails: readonly Mail[]): string {
  const rows = mails.map(
    ({ id, to, subject, receivedAt }) =>
      `<li><a href="${base}/mails/${id}"><b>${escapeHtml(subject)}</b><span>${escapeHtml(to.join(', '))}</span>` +
      `<time>${time(receivedAt)} UTC</time></a></li>`,
  );
  const list = rows.length === 0 ? '<p class="empty">No mail yet.</p>' : `<ul>${rows.join('\n')}</ul>`;
  return page(
    base,
    'Mailbox',
    `<header><h1>Mailbox</h1><p>${mails.length} kept</p></header><main data-newest="${mails[0]?.id ?? 0}">${list}</main>`,
  );
}

/** One mail; its HTML comes in a sandboxed frame from an address of its own. */
export function mailPage(base: string, mail: Mail): string {
  const facts = [
    ['from', mail.from],
    ['to', mail.to.join(', ')],
    ['received', `${time(mail.receivedAt)} UTC`],
    ['Message-ID', mail.messageId],
  ].map(([name = '', value = '']) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`);
  const frame =
    mail.html === null
      ? ''
      : `<iframe title="The mail" sandbox="allow-popups allow-popups-to-escape-sandbox" src="${base}/mails/${mail.id}/html"></iframe>`;
  return page(
    base,
    mail.subject,
    `<header><a href="${base}/">Mailbox</a><h1>${escapeHtml(mail.subject)}</h1><dl>${facts.join('')}</dl></header>
<main>${frame}
<details${mail.html === null ? ' open' : ''}><summary>Text</summary><pre>${escapeHtml(mail.text)}</pre></details>
<details><summary>Source</summary><pre>${escapeHtml(mail.source)}</pre></details></main>`,
  );
}

/** What the frame shows: the mail's own HTML, whose links open outside of the frame. */
export function framePage(mail: Mail): string {
  const html = mail.html ?? '';
  const base = '<base target="_blank">';
  return /<head\b[^>]*>/i.test(html) ? html.replace(/<head\b[^>]*>/i, (head) => head + base) : base + html;
}
