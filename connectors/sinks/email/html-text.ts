const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ', zwnj: '' };
const BLOCK = /^\/?(?:address|article|blockquote|center|div|h[1-6]|hr|li|ol|p|section|table|td|th|tr|ul)$/;

/** The text of an HTML page as a mail reader without HTML shows it: blocks on lines of their own, links with their address. */
export function htmlToText(html: string): string {
  const body = html
    .replace(/<!--[\s\S]*?-->|<![^>]*>/g, '')
    .replace(/<(head|style|script|title)\b[\s\S]*?<\/\1\s*>/gi, '')
    .replace(/<div[^>]*display:\s*none[^>]*>[^<]*<\/div>/gi, '');
  let text = '';
  let link: { readonly href: string; readonly from: number } | undefined;
  for (const [part, name = '', attributes = ''] of body.matchAll(/<(\/?[a-z][a-z0-9]*)\b([^>]*)>|[^<]+|</gi)) {
    const tag = name.toLowerCase();
    if (tag === '') text += part.replace(/\s+/g, ' ');
    else if (tag === 'br' || BLOCK.test(tag)) text += '\n';
    else if (tag === 'a') link = { href: decode(/\bhref="([^"]*)"/i.exec(attributes)?.[1] ?? ''), from: text.length };
    else if (tag === '/a' && link !== undefined) {
      const { href, from } = link;
      const label = text.slice(from).trim();
      if (/^https?:/.test(href) && label !== href) text += ` (${href.replaceAll('&', '&amp;')})`;
      link = undefined;
    }
  }
  const lines = decode(text)
    .split('\n')
    .map((line) => line.replace(/[ \t\u00a0]+/g, ' ').trim());
  return `${lines
    .join('\n')
    .replace(/\n{2,}/g, '\n\n')
    .trim()}\n`;
}

function decode(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]+));/gi, (all, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return named[name.toLowerCase()] ?? all;
    const code = decimal === undefined ? Number.parseInt(hex ?? '0', 16) : Number(decimal);
    return code > 0x10ffff ? all : String.fromCodePoint(code);
  });
}
