import type { SourceConfig } from '../schemas/config.ts';

/** Something of the workspace that reads facts: the words that stand in what it asks for. */
export interface Reader {
  /** Such as `segment abandoned-cart`. */
  readonly name: string;
  readonly words: ReadonlySet<string>;
}

/** Fields of a call that the pipeline itself reads. */
const envelope: Readonly<Record<string, string>> = {
  type: 'the pipeline',
  event: 'the pipeline',
  name: 'the pipeline',
  messageId: 'de-duplication',
  timestamp: 'event time',
  originalTimestamp: 'event time',
  sentAt: 'event time',
  'context.asOf': 'event time',
  'context.timezone': 'time zone',
  userId: 'identity',
  anonymousId: 'identity',
  previousId: 'identity',
  groupId: 'identity',
  'context.device': 'identity',
  'context.externalId': 'identity',
  'context.externalIds': 'identity',
};

/** Every trait is kept in the profile of the customer, whoever asks for it. */
const PROFILE = 'profile';

/** The words of any data: what may be the name of a field in it. */
export function wordsOf(data: unknown): ReadonlySet<string> {
  if (typeof data === 'string') return new Set(data.match(/[\p{L}\p{N}_]+/gu) ?? []);
  if (typeof data !== 'object' || data === null) return new Set();
  const parts = Array.isArray(data) ? (data as unknown[]) : Object.entries(data).flat();
  return new Set(parts.flatMap((part) => [...wordsOf(part)]));
}

/**
 * Who uses a field of a source's records: the pipeline, identity by one of the kinds, the profile, or a file in which its name
 * stands. A name that stands somewhere for something else counts as used, so what is called unused is used by nobody here.
 */
export function usersOf(
  field: string,
  { transform, input }: Pick<SourceConfig, 'transform' | 'input'>,
  readers: readonly Reader[],
  kinds: ReadonlySet<string>,
): readonly string[] {
  const named = (name: string): string[] => {
    const words = [...wordsOf(name)];
    return readers.filter((reader) => words.every((word) => reader.words.has(word))).map((reader) => reader.name);
  };
  const trait = (users: readonly string[]): readonly string[] => (users.length > 0 ? users : [PROFILE]);
  const last = field.split('.').at(-1) ?? field;
  if (transform === null) {
    const own = envelope[field];
    const isIdentifier = kinds.has(last) && /^(traits|context|properties)\./.test(field);
    const users = [...new Set([...(own === undefined ? [] : [own]), ...(isIdentifier ? ['identity'] : []), ...named(last)])];
    return field.startsWith('traits.') || field === 'context.traits' ? trait(users) : users;
  }
  const time = input.kind === 'file' ? input.file.time : input.kind === 'files' ? input.files.asOf : null;
  const times = touches(time ?? '', field) ? ['event time'] : [];
  const users = transform.flatMap((rule) => {
    const reads = (expression: string | null | undefined): boolean => touches(expression ?? '', field);
    const each = (map: Readonly<Record<string, string>> | string | null): readonly string[] => {
      if (map === null) return [];
      if (typeof map === 'string') return reads(map) ? handedOn(map, field, named) : [];
      return Object.entries(map).flatMap(([name, expression]) => (reads(expression) ? named(name) : []));
    };
    const isTrait = typeof rule.traits === 'string' ? reads(rule.traits) : Object.values(rule.traits ?? {}).some(reads);
    return [
      ...(reads(rule.when) || reads(rule.event) || reads(rule.type) ? ['transform'] : []),
      ...(reads(rule.messageId) ? ['de-duplication'] : []),
      ...(reads(rule.occurredAt) || reads(rule.asOf) ? ['event time'] : []),
      ...(Object.values(rule.identifiers).some(reads) ? ['identity'] : []),
      ...each(rule.properties),
      ...(isTrait ? trait(each(rule.traits)) : []),
    ];
  });
  return [...new Set([...times, ...users])];
}

/** What is handed on whole is used under the names that it has; where these are not known, by the transform. */
function handedOn(expression: string, field: string, named: (name: string) => string[]): readonly string[] {
  const [only, ...others] = pathsIn(expression);
  const isPlain = only !== undefined && others.length === 0 && only.isWhole;
  const inner = only?.path === '' ? field : field.slice((only?.path.length ?? 0) + 1);
  if (!isPlain || inner === '' || (only.path !== '' && !field.startsWith(`${only.path}.`))) return ['transform'];
  return inner.split('.').flatMap(named);
}

/** Whether an expression reads the field, something inside it, or something that holds it whole. */
function touches(expression: string, field: string): boolean {
  return pathsIn(expression).some(
    ({ path }) => path === '' || path === field || path.startsWith(`${field}.`) || field.startsWith(`${path}.`),
  );
}

const nextStep = /\s*(?:\.\s*\??\s*([\p{L}_][\p{L}\p{N}_]*)(?!\s*\(|[\p{L}\p{N}_])|\[\s*\??\s*(["'])([^"'\\]*)\2\s*\])/u;

/** The paths in the record that an expression reads, each as far as its text tells; `isWhole`: it is that path and nothing else. */
function pathsIn(expression: string): readonly { readonly path: string; readonly isWhole: boolean }[] {
  const step = new RegExp(nextStep, 'uy');
  return [...expression.matchAll(/\brecord\b/g)].map(({ index }) => {
    const names: string[] = [];
    let end = index + 'record'.length;
    step.lastIndex = end;
    for (let found = step.exec(expression); found !== null; found = step.exec(expression)) {
      names.push(found[1] ?? found[3] ?? '');
      end = step.lastIndex;
    }
    const isWhole = expression.slice(0, index).trim() === '' && expression.slice(end).trim() === '';
    return { path: names.join('.'), isWhole };
  });
}
