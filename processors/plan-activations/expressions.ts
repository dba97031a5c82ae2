import { compileCel, compileCondition } from '../../schemas/cel.ts';
import { ConfigProblem, type ConfigPath } from '../../schemas/config.ts';
import type { ReferenceReader } from '../../schemas/reference-reader.ts';

type Traits = Readonly<Record<string, unknown>>;

/** A condition of a message, over traits and reference tables. */
export interface Condition {
  readonly text: string;
  readonly traits: readonly string[];
  readonly holds: (traits: Traits) => boolean;
}

/** A variable of a template that is worked out. */
export interface Computed {
  readonly name: string;
  readonly traits: readonly string[];
  /** Undefined where it cannot be worked out. */
  readonly value: (traits: Traits) => unknown;
}

export function compileWhen(text: string, path: ConfigPath, { functions }: ReferenceReader): Condition {
  const holds = compileCondition(text, { variables: ['traits'], path, lookups: functions });
  return { text, traits: traitsIn(text, path), holds: (traits) => holds({ traits }) };
}

/** `text` is what follows the equals sign. */
export function compileComputed(name: string, text: string, path: ConfigPath, { functions }: ReferenceReader): Computed {
  const evaluate = compileCel(text, { variables: ['traits'], path, lookups: functions });
  const value = (traits: Traits): unknown => {
    try {
      return evaluate({ traits }) ?? undefined;
    } catch {
      return undefined;
    }
  };
  return { name, traits: traitsIn(text, path), value };
}

/** Names of the traits that an expression reads: of others nothing is kept, so it must say which. */
function traitsIn(expression: string, path: ConfigPath): readonly string[] {
  const uses = [...expression.matchAll(/\btraits\b/g)].length;
  const named = [...expression.matchAll(/\btraits(?:\.\??([A-Za-z_]\w*)|\[(["'])([^"'\\]*)\2\])/g)];
  if (named.length < uses) throw new ConfigProblem(path, 'expected each trait by its name: traits.name or traits["name"]');
  return [...new Set(named.map((match) => match[1] ?? match[3] ?? ''))];
}
