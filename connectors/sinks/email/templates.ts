import { readFile, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Liquid, Template } from 'liquidjs';
import { FreshetError } from '../../../runtime/errors.ts';
import { isHeaderText } from './address.ts';
import { readFrontMatter } from './front-matter.ts';
import type { Problem } from './front-matter.ts';
import { htmlToText } from './html-text.ts';
import { htmlLiquid, render, textLiquid } from './liquid.ts';
import { compileMjml } from './mjml.ts';

export interface Rendered {
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}

/** Either what to send, or why not, without personal data. */
export type Rendering =
  | { readonly kind: 'rendered'; readonly mail: Rendered }
  | { readonly kind: 'refused'; readonly reason: string };

export interface Templates {
  readonly names: readonly string[];
  render(name: string, data: Readonly<Record<string, unknown>>): Rendering;
}

interface Compiled {
  readonly subject: Template[];
  readonly preheader: Template[];
  readonly html: Template[];
}

/**
 * Compiles every `<name>.mjml` of a folder once. With any error nothing is returned: CONFIG_INVALID, one line for each
 * `file:line: what was expected`.
 */
export async function compileTemplates(folder: string): Promise<Templates> {
  const files = (await filesOf(folder)).filter((file) => file.endsWith('.mjml')).sort();
  const compiled = new Map<string, Compiled>();
  const wrong: string[] = [];
  for (const file of files) {
    const path = join(folder, file);
    const problems: Problem[] = [];
    const template = await compile(await readFile(path, 'utf8'), problems);
    wrong.push(...problems.sort((a, b) => a.line - b.line).map(({ line, message }) => `${path}:${line}: ${message}`));
    if (template !== undefined) compiled.set(basename(file, '.mjml'), template);
  }
  if (wrong.length > 0) throw new FreshetError('CONFIG_INVALID', wrong.join('\n'));
  return {
    names: [...compiled.keys()],
    render: (name, data) => {
      const template = compiled.get(name);
      if (template === undefined) return { kind: 'refused', reason: `there is no template ${name}` };
      return renderMail(template, data);
    },
  };
}

/** A workspace that sends nothing has no such folder. */
async function filesOf(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function compile(source: string, problems: Problem[]): Promise<Compiled | undefined> {
  const front = readFrontMatter(source, problems);
  if (front === undefined) return undefined;
  const subject = parse(textLiquid, front.subject, front.subjectLine, problems);
  const preheader = parse(textLiquid, front.preheader, front.preheaderLine, problems);
  parse(htmlLiquid, front.body, 1, problems);
  const { html, errors } = await compileMjml(withPreview(front.body));
  problems.push(...errors.map(({ line, message }) => ({ line, message })));
  for (const [index, line] of front.body.split('\n').entries()) {
    if (/<mj-include\b/i.test(line))
      problems.push({ line: index + 1, message: 'mj-include is not supported: a template is one file' });
  }
  if (problems.length > 0) return undefined;
  return { subject, preheader, html: parse(htmlLiquid, html, 1, problems) };
}

function parse(liquid: Liquid, text: string, firstLine: number, problems: Problem[]): Template[] {
  try {
    return liquid.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : 'cannot be parsed';
    const [, what = message, line = '1'] = /^([\s\S]*?), line:(\d+)/.exec(message) ?? [];
    problems.push({ line: firstLine + Number(line) - 1, message: what });
    return [];
  }
}

/** Puts the preheader where mail readers look for it, on a line that is there already. */
function withPreview(body: string): string {
  if (/<mj-preview\b/i.test(body)) return body;
  const preview = '<mj-preview>{{ preheader }}</mj-preview>';
  if (/<mj-head\s*>/i.test(body)) return body.replace(/<mj-head\s*>/i, (head) => head + preview);
  return body.replace(/<mjml\b[^>]*>/i, (mjml) => `${mjml}<mj-head>${preview}</mj-head>`);
}

function renderMail({ subject, preheader, html }: Compiled, data: Readonly<Record<string, unknown>>): Rendering {
  try {
    const line = render(textLiquid, subject, data).trim();
    if (line === '' || !isHeaderText(line))
      return { kind: 'refused', reason: 'the subject is empty, too long or holds a line break' };
    const page = render(htmlLiquid, html, { ...data, subject: line, preheader: render(textLiquid, preheader, data) });
    return { kind: 'rendered', mail: { subject: line, html: page, text: htmlToText(page) } };
  } catch (error) {
    const undefinedName = error instanceof Error ? /^undefined variable: [\w.[\]-]+/.exec(error.message)?.[0] : undefined;
    return { kind: 'refused', reason: `the template cannot be rendered: ${undefinedName ?? kindOf(error)}` };
  }
}

function kindOf(error: unknown): string {
  const text = error instanceof Error ? error.message : '';
  if (/limit exceeded/.test(text)) return 'it takes too much time or memory';
  return error instanceof RangeError ? 'it is too large' : 'it does not fit its data';
}
