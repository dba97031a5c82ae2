import { isScalar, parse, Scalar, visit, type Document } from 'yaml';

/** Values by name, e.g. of the environment or of a profile. */
export type Values = Readonly<Record<string, string | undefined>>;

export interface Unset {
  readonly name: string;
  /** Where the scalar begins in the text. */
  readonly offset: number;
}

const parameter = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([^}]*))?\}/g;

/**
 * Replaces `${name}` and `${name:default}` in the values of a document, but for those of fields named in `left`. Returns those that
 * have neither a value nor a default. A scalar that is nothing but a parameter takes the type of what stands for it.
 */
export function fillIn(document: Document, values: Values, left: readonly string[] = []): readonly Unset[] {
  const unset: Unset[] = [];
  visit(document, {
    Pair: (_, { key }) => (isScalar(key) && left.includes(String(key.value)) ? visit.SKIP : undefined),
    Scalar: (key, node) => {
      if (key === 'key' || !isScalar(node) || typeof node.value !== 'string' || !node.value.includes('${')) return;
      const text = node.value.replace(parameter, (all, name: string, otherwise: string | undefined) => {
        const value = values[name] ?? otherwise;
        if (value === undefined) unset.push({ name, offset: node.range?.[0] ?? 0 });
        return value ?? all;
      });
      const whole = new RegExp(`^${parameter.source}$`).test(node.value);
      const plain = node.type === Scalar.PLAIN;
      if (text !== node.value) node.value = whole && plain ? scalarOf(text) : text;
    },
  });
  return unset;
}

function scalarOf(text: string): unknown {
  const value: unknown = parse(text);
  return ['number', 'boolean'].includes(typeof value) ? value : text;
}
