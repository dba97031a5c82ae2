import type { Identifier } from '../../schemas/generated/types.ts';
import { defaultValues, readIdentifier, type ValueRules } from '../../schemas/identifier-rules.ts';
import { identifierKinds } from '../../schemas/segment-message.ts';

/** Identifiers as they are compared, each once, by priority of kind, and the kinds of those that name nobody. */
export interface Identified {
  readonly identifiers: readonly Identifier[];
  readonly ignored: readonly string[];
}

/** Reads identifiers by the rules of the workspace. */
export function normalise(
  given: Iterable<{ readonly kind: string; readonly value: unknown }>,
  rules: ValueRules = defaultValues,
): Identified {
  const identifiers: Identifier[] = [];
  const ignored: string[] = [];
  for (const { kind, value: raw } of given) {
    if (raw === null || raw === undefined || raw === '') continue;
    const value = readIdentifier(rules, kind, raw);
    if (value === undefined) ignored.push(kind);
    else if (!identifiers.some((one) => one.kind === kind && one.value === value)) identifiers.push({ kind, value });
  }
  return { identifiers: identifiers.sort((a, b) => priority(a.kind) - priority(b.kind)), ignored };
}

function priority(kind: string): number {
  const at = (identifierKinds as readonly string[]).indexOf(kind);
  return at < 0 ? identifierKinds.length : at;
}
