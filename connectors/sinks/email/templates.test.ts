import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { compileTemplates } from './templates.ts';
import type { Rendered } from './templates.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'templates-'));
});
afterAll(() => rm(folder, { recursive: true }));

const page = (content: string): string => `<mjml>
  <mj-body>
    <mj-section><mj-column>
      ${content}
    </mj-column></mj-section>
  </mj-body>
</mjml>
`;
const source = (content: string, subject = 'Hello {{ name }}'): string =>
  `---\nsubject: "${subject}"\npreheader: For {{ name }}\n---\n${page(content)}`;

async function compiled(text: string): Promise<Awaited<ReturnType<typeof compileTemplates>>> {
  const own = await mkdtemp(join(folder, 'one-'));
  await writeFile(join(own, 'hello.mjml'), text);
  return compileTemplates(own);
}

async function problems(text: string): Promise<string> {
  const error = await compiled(text).then(
    () => new Error('it compiled'),
    (reason: unknown) => reason as Error,
  );
  return error.message.replaceAll(/^.*\/(?=hello\.mjml)/gm, '');
}

async function rendered(text: string, data: Readonly<Record<string, unknown>>): Promise<Rendered> {
  const rendering = (await compiled(text)).render('hello', data);
  if (rendering.kind === 'refused') throw new Error(rendering.reason);
  return rendering.mail;
}

describe('a workspace that sends nothing', () => {
  it('needs no folder of templates', async () => {
    expect((await compileTemplates(join(folder, 'absent'))).names).toEqual([]);
  });
});

describe('a template', () => {
  it('becomes a subject, HTML with the preheader hidden, and a text with the links', async () => {
    const text = source(
      '<mj-text>Dear {{ name }} &amp; co,<br/>see you.</mj-text><mj-button href="{{ url }}?a=1&amp;b=2">Shop</mj-button>',
    );
    const mail = await rendered(text, { name: 'Ada', url: 'https://shop.example/x' });
    expect(mail.subject).toBe('Hello Ada');
    expect(mail.html).toContain('For Ada');
    expect(mail.html).toContain('href="https://shop.example/x?a=1&amp;b=2"');
    expect(mail.text).toBe('Dear Ada & co,\nsee you.\n\nShop (https://shop.example/x?a=1&b=2)\n');
  });

  it('shows money in its currency', async () => {
    const mail = await rendered(source('<mj-text>{{ total | money: "EUR" }}</mj-text>'), { name: 'Ada', total: 1234.5 });
    expect(mail.text).toBe('€1,234.50\n');
  });

  it('lets no data become an element, an attribute or a line of a header', async () => {
    const templates = await compiled(source('<mj-text><p title="{{ name }}">{{ name }}</p></mj-text>'));
    const marks = (html: string): string => html.replaceAll(/[^<>"']/g, '');
    const benign = templates.render('hello', { name: 'Ada' });
    const piece = fc.constantFrom(
      '<script>',
      '</p>',
      '"',
      "'",
      ' onload=',
      '{{ name }}',
      '{% raw %}',
      '-->',
      ']]>',
      '\r\n',
      '\u2028',
      'Bcc: x',
      '&lt;',
      'x',
    );
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1 }), (pieces) => {
        const name = pieces.join('');
        const rendering = templates.render('hello', { name });
        if (rendering.kind === 'refused') return /line break/.test(rendering.reason) && /[\r\n\u2028]/.test(name);
        return benign.kind === 'rendered' && marks(rendering.mail.html) === marks(benign.mail.html);
      }),
    );
  });

  it('reaches nothing but what it is given', async () => {
    for (const expression of ['name.constructor.name', 'data.__proto__', 'data.toString', 'process', 'missing']) {
      const templates = await compiled(source(`<mj-text>{{ ${expression} }}</mj-text>`));
      expect(templates.render('hello', { name: 'Ada', data: {} })).toEqual({
        kind: 'refused',
        reason: expect.stringContaining('undefined variable'),
      });
    }
  });

  it('that would run for ever or fill the memory is refused', async () => {
    const templates = await compiled(
      source('<mj-text>{% for i in (1..100000) %}{% for j in (1..100000) %}x{% endfor %}{% endfor %}</mj-text>'),
    );
    expect(templates.render('hello', { name: 'Ada' })).toEqual({
      kind: 'refused',
      reason: 'the template cannot be rendered: it takes too much time or memory',
    });
  });

  it('that is not there is refused by name', async () => {
    expect((await compiled(source('<mj-text>x</mj-text>'))).render('other', {})).toEqual({
      kind: 'refused',
      reason: 'there is no template other',
    });
  });
});

describe('a mistake in a template names file and line', () => {
  it.each([
    ['without front matter', page(''), 'hello.mjml:1: expected front matter: ---, subject: …, preheader: …, ---'],
    ['without a subject', '---\npreheader: x\n---\n<mjml/>', 'hello.mjml:1: subject: expected a text'],
    ['an unknown key', `---\nsubject: x\ncolour: red\n---\n${page('')}`, 'hello.mjml:3: colour: expected subject or preheader'],
    ['Liquid in the subject', source('<mj-text>x</mj-text>', 'Hello {{ name'), 'hello.mjml:2: output "{{ name" not closed'],
    ['Liquid in the body', source('<mj-text>x</mj-text>\n{{ name | shout }}'), 'hello.mjml:9: undefined filter: shout'],
    ['unescaped output', source('<mj-text>{{ name | raw }}</mj-text>'), 'hello.mjml:8: undefined filter: raw'],
    ['another file', source('<mj-text>{% include "x" %}</mj-text>'), 'hello.mjml:8: tag "include" not found'],
    [
      'another MJML file',
      source('\n<mj-include path="x" />'),
      'hello.mjml:9: mj-include is not supported: a template is one file',
    ],
    ['an unknown element', source('\n\n<mj-txt>x</mj-txt>'), "hello.mjml:10: Element mj-txt doesn't exist or is not registered"],
    ['a wrong attribute', source('<mj-text colour="red">x</mj-text>'), 'hello.mjml:8: Attribute colour is illegal'],
  ])('%s', async (_, text, expected) => {
    expect(await problems(text)).toContain(expected);
  });
});
