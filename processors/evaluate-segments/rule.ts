import { canonical } from './canonical.ts';
import { hashId } from '../../schemas/keys.ts';
import { ConfigProblem, type ConfigPath, type JsonSchema } from '../../schemas/config.ts';
import type { Leaf, LeafScope, Operator } from './operator.ts';

/** A condition made of leaves; a leaf is named by the hash of its meaning. */
export type Rule =
  | { readonly kind: 'leaf'; readonly leaf: string }
  | { readonly kind: 'all' | 'any' | 'none'; readonly rules: readonly Rule[] }
  | { readonly kind: 'segment'; readonly name: string; readonly rule: Rule };

export interface CompiledLeaf {
  /** Hash of its meaning: equal leaves of different rules share one state. */
  readonly hash: string;
  readonly leaf: Leaf;
  /** Name of the trait under which its figure is published. */
  readonly as?: string;
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
  const names = [...compositions, 'segment', ...operators.map(({ name }) => name)];
  return {
    type: 'object',
    description: `a condition, one of: ${names.join(', ')}`,
    properties: {
      ...Object.fromEntries(compositions.map((kind) => [kind, rules(compositionDocs[kind])])),
      segment: { type: 'string', minLength: 1, description: 'The customer belongs to this other segment.' },
      ...Object.fromEntries(operators.map(({ name, schema }) => [name, schema])),
    },
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
  };
}

type Config = Readonly<Record<string, unknown>>;
type Part = Omit<CompiledRule, 'leaves'>;

/**
 * Compiles the rule of a segment, which fits `ruleSchema`. Other segments are taken in as if they stood there. ConfigProblem for
 * what the schema cannot say, for a segment that is not there, and for one that goes back to itself.
 */
export function compileRule(name: string, config: Config, operators: readonly Operator[], scope: LeafScope): CompiledRule {
  const leaves = new Map<string, CompiledLeaf>();
  const compile = (node: Config, within: readonly string[], path: ConfigPath): Part => {
    const [name = '', value] = Object.entries(node)[0] ?? [];
    const kind = compositions.find((each) => each === name);
    if (kind !== undefined) {
      const parts = (value as readonly Config[]).map((each, index) => compile(each, within, [...path, kind, index]));
      const rules = parts.map(({ rule }) => rule);
      const monotone = kind !== 'none' && parts.every((part) => part.monotone);
      return { rule: { kind, rules }, meaning: { [kind]: parts.map(({ meaning }) => meaning) }, monotone };
    }
    if (name === 'segment') return other(String(value), within, [...path, name]);
    const operator = operators.find((each) => each.name === name);
    if (operator === undefined) throw new ConfigProblem([...path, name], 'unknown operator');
    const leaf = operator.compile(value, { ...scope, path: [...path, name] });
    const hash = hashId(canonical(leaf.meaning)).slice(0, 12);
    const { as } = value as { readonly as?: string };
    leaves.set(hash, { hash, leaf, ...(as === undefined ? (leaves.get(hash) ?? {}) : { as }) });
    return { rule: { kind: 'leaf', leaf: hash }, meaning: leaf.meaning, monotone: leaf.monotone };
  };
  const other = (name: string, within: readonly string[], path: ConfigPath): Part => {
    if (within.includes(name))
      throw new ConfigProblem(
        path,
        `expected a segment that does not depend on this one, found ${[...within, name].join(' → ')}`,
      );
    const found = scope.segments?.(name);
    if (found === undefined) throw new ConfigProblem(path, `expected a segment of this workspace, found "${name}"`);
    const part = attempt(() => compile(found, [...within, name], path), path, name);
    return { ...part, rule: { kind: 'segment', name, rule: part.rule } };
  };
  return { ...compile(config, [name], scope.path), leaves: [...leaves.values()] };
}

/** A problem of another segment is told where that stands; here it is told that there is one. */
function attempt<T>(compile: () => T, path: ConfigPath, name: string): T {
  try {
    return compile();
  } catch (error) {
    if (!(error instanceof ConfigProblem) || error.path === path) throw error;
    throw error.message.startsWith('expected a segment that') || error.message.startsWith('expected a valid')
      ? new ConfigProblem(path, error.message)
      : new ConfigProblem(path, `expected a valid segment: see ${name}, ${error.message}`);
  }
}

/** Whether the rule holds, given which leaves do. */
export function ruleHolds(rule: Rule, leafHolds: (hash: string) => boolean): boolean {
  if (rule.kind === 'leaf') return leafHolds(rule.leaf);
  if (rule.kind === 'segment') return ruleHolds(rule.rule, leafHolds);
  const holds = (each: Rule): boolean => ruleHolds(each, leafHolds);
  if (rule.kind === 'all') return rule.rules.every(holds);
  return rule.rules.some(holds) === (rule.kind === 'any');
}

/** Whether the rule may hold, given which leaves may hold and which may fail. */
export function ruleMayHold(rule: Rule, leafMay: (hash: string, be: boolean) => boolean): boolean {
  const may = (each: Rule, be: boolean): boolean => {
    if (each.kind === 'leaf') return leafMay(each.leaf, be);
    if (each.kind === 'segment') return may(each.rule, be);
    const every = each.kind === 'any' ? !be : be;
    const wanted = each.kind === 'none' ? !be : be;
    return every ? each.rules.every((one) => may(one, wanted)) : each.rules.some((one) => may(one, wanted));
  };
  return may(rule, true);
}
