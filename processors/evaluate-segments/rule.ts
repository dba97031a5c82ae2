import { hashId } from '../../schemas/keys.ts';
import { ConfigProblem, type ConfigPath, type JsonSchema } from '../../schemas/config.ts';
import type { Leaf, LeafScope, Operator } from './operator.ts';

/** A condition made of leaves; a leaf is named by the hash of its meaning. */
export type Rule =
  | { readonly kind: 'leaf'; readonly leaf: string }
  | { readonly kind: 'all' | 'any' | 'none'; readonly rules: readonly Rule[] };

export interface CompiledLeaf {
  /** Hash of its meaning: equal leaves of different rules share one state. */
  readonly hash: string;
  readonly leaf: Leaf;
}

export interface CompiledRule {
  readonly rule: Rule;
  readonly leaves: readonly CompiledLeaf[];
  /** The meaning, as plain data. */
  readonly meaning: unknown;
  readonly monotone: boolean;
}

const compositions = ['all', 'any', 'none'] as const;
const compositionDocs = {
  all: 'Every one of these holds.',
  any: 'At least one of these holds.',
  none: 'None of these holds.',
} as const;

/** JSON Schema of a rule over the given operators; refers to itself as #/$defs/rule. */
export function ruleSchema(operators: readonly Operator[]): JsonSchema {
  const rules = (description: string): JsonSchema => ({
    type: 'array',
    minItems: 1,
    items: { $ref: '#/$defs/rule' },
    description,
  });
  const names = [...compositions, ...operators.map(({ name }) => name)];
  return {
    type: 'object',
    description: `a condition, one of: ${names.join(', ')}`,
    properties: {
      ...Object.fromEntries(compositions.map((kind) => [kind, rules(compositionDocs[kind])])),
      ...Object.fromEntries(operators.map(({ name, schema }) => [name, schema])),
    },
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
  };
}

/** Compiles a rule that fits `ruleSchema`. ConfigProblem for what the schema cannot say. */
export function compileRule(
  config: Readonly<Record<string, unknown>>,
  operators: readonly Operator[],
  scope: LeafScope,
): CompiledRule {
  const leaves = new Map<string, Leaf>();
  const compile = (
    node: Readonly<Record<string, unknown>>,
    path: ConfigPath,
  ): { rule: Rule; meaning: unknown; monotone: boolean } => {
    const [name = '', value] = Object.entries(node)[0] ?? [];
    const kind = compositions.find((each) => each === name);
    if (kind !== undefined) {
      const parts = (value as Readonly<Record<string, unknown>>[]).map((each, index) => compile(each, [...path, kind, index]));
      const rules = parts.map(({ rule }) => rule);
      const monotone = kind !== 'none' && parts.every((part) => part.monotone);
      return { rule: { kind, rules }, meaning: { [kind]: parts.map(({ meaning }) => meaning) }, monotone };
    }
    const operator = operators.find((each) => each.name === name);
    if (operator === undefined) throw new ConfigProblem([...path, name], 'unknown operator');
    const leaf = operator.compile(value, { ...scope, path: [...path, name] });
    const hash = hashId(canonical(leaf.meaning)).slice(0, 12);
    leaves.set(hash, leaf);
    return { rule: { kind: 'leaf', leaf: hash }, meaning: leaf.meaning, monotone: leaf.monotone };
  };
  const { rule, meaning, monotone } = compile(config, scope.path);
  return { rule, leaves: [...leaves].map(([hash, leaf]) => ({ hash, leaf })), meaning, monotone };
}

/** Whether the rule holds, given which leaves do. */
export function ruleHolds(rule: Rule, leafHolds: (hash: string) => boolean): boolean {
  if (rule.kind === 'leaf') return leafHolds(rule.leaf);
  const holds = (each: Rule): boolean => ruleHolds(each, leafHolds);
  if (rule.kind === 'all') return rule.rules.every(holds);
  return rule.rules.some(holds) === (rule.kind === 'any');
}

/** JSON with sorted keys and without undefined fields: equal data give equal text. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([one], [other]) => (one < other ? -1 : 1)))
      : each,
  );
}
