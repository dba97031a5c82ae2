import type { SourceConfig } from '../schemas/config.ts';

/** A file of the workspace that reads facts: the words that stand in what it asks for. */
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
  userId: 'identity',
  anonymousId: 'identity',
  previousId: 'identity',
  groupId: 'identity',
};

/** The words of any data: what may be the name of a field in it. */
export function wordsOf(data: unknown): ReadonlySet<string> {
  return new Set(JSON.stringify(data ?? null).match(/[\p{L}_][\p{L}\p{N}_]*/gu) ?? []);
}

/**
 * Who uses a field of a source's records: the pipeline, identity by one of the kinds, or a file in which its name stands. A name that
 * stands somewhere for something else counts as used, so what is called unused is used by nobody.
 */
export function usersOf(
  field: string,
  { transform }: Pick<SourceConfig, 'transform'>,
  readers: readonly Reader[],
  kinds: ReadonlySet<string>,
): readonly string[] {
  const named = (name: string): string[] => readers.filter(({ words }) => words.has(name)).map((reader) => reader.name);
  const last = field.split('.').at(-1) ?? field;
  if (transform === null) {
    const own = envelope[field];
    const isIdentifier = kinds.has(last) && /^(traits|context|properties)\./.test(field);
    return [...new Set([...(own === undefined ? [] : [own]), ...(isIdentifier ? ['identity'] : []), ...named(last)])];
  }
  const users = transform.flatMap((rule) => {
    const reads = (expression: string | null | undefined): boolean => touches(expression ?? '', field);
    const each = (map: Readonly<Record<string, string>> | string | null): string[] => {
      if (map === null) return [];
      // What is handed on whole is used under the names that it has.
      if (typeof map === 'string') return reads(map) ? named(last) : [];
      return Object.entries(map).flatMap(([name, expression]) => (reads(expression) ? named(name) : []));
    };
    return [
      ...(reads(rule.when) || reads(rule.event) || reads(rule.type) ? ['transform'] : []),
      ...(reads(rule.messageId) ? ['de-duplication'] : []),
      ...(reads(rule.occurredAt) || reads(rule.asOf) ? ['event time'] : []),
      ...(Object.values(rule.identifiers).some(reads) ? ['identity'] : []),
      ...each(rule.properties),
      ...each(rule.traits),
    ];
  });
  return [...new Set(users)];
}

/** Whether an expression reads the field, something inside it, or something that holds it whole. */
function touches(expression: string, field: string): boolean {
  const paths = [...expression.matchAll(/\brecord((?:\.[\p{L}_][\p{L}\p{N}_]*|\[[^\]]*\])*)/gu)].map(([, path = '']) =>
    path
      .replaceAll(/\[\s*["']([^"'\]]+)["']\s*\]/g, '.$1')
      .replaceAll(/\[[^\]]*\]/g, '')
      .slice(1),
  );
  return paths.some((path) => path === '' || path === field || path.startsWith(`${field}.`) || field.startsWith(`${path}.`));
}
