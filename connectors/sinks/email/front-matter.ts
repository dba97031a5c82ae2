import { LineCounter, isMap, isScalar, parseDocument } from 'yaml';

export interface Problem {
  readonly line: number;
  readonly message: string;
}

export interface FrontMatter {
  readonly subject: string;
  readonly subjectLine: number;
  readonly preheader: string;
  readonly preheaderLine: number;
  /** The rest of the file, with as many empty lines before it as the front matter had, so that line numbers stay. */
  readonly body: string;
}

/** Splits `--- subject, preheader ---` from what follows; adds to `problems` what is wrong with it. */
export function readFrontMatter(source: string, problems: Problem[]): FrontMatter | undefined {
  const match = /^---\r?\n([\s\S]*?)\r?\n---[ \t]*(?:\r?\n|$)/.exec(source);
  if (match === null) {
    problems.push({ line: 1, message: 'expected front matter: ---, subject: …, preheader: …, ---' });
    return undefined;
  }
  const counter = new LineCounter();
  const document = parseDocument(match[1] ?? '', { lineCounter: counter });
  const lineAt = (offset: number): number => counter.linePos(offset).line + 1;
  for (const error of document.errors) {
    problems.push({ line: lineAt(error.pos[0]), message: error.message.split('\n', 1)[0] ?? '' });
  }
  const found = new Map<string, { readonly text: string; readonly line: number }>();
  for (const { key, value } of isMap(document.contents) ? document.contents.items : []) {
    const name = isScalar(key) ? String(key.value) : '';
    const line = isScalar(key) ? lineAt(key.range?.[0] ?? 0) : 1;
    if (name !== 'subject' && name !== 'preheader') problems.push({ line, message: `${name}: expected subject or preheader` });
    else if (!isScalar(value) || typeof value.value !== 'string') problems.push({ line, message: `${name}: expected a text` });
    else found.set(name, { text: value.value, line });
  }
  const subject = found.get('subject');
  if (subject === undefined || subject.text.trim() === '') {
    if (problems.length === 0) problems.push({ line: 1, message: 'subject: expected a text' });
    return undefined;
  }
  const preheader = found.get('preheader') ?? { text: '', line: 1 };
  const body = '\n'.repeat(match[0].split('\n').length - 1) + source.slice(match[0].length);
  return { subject: subject.text, subjectLine: subject.line, preheader: preheader.text, preheaderLine: preheader.line, body };
}
